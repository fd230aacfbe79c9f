"""Credentials and signed addresses stand in nothing that is kept: searched for byte by byte."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from .conftest import Lab

KEY = "AKIA" + "QWERTYUIOPASDFGH"
SECRET = "s3cr3tOf40characters/with+signs012345678"
TOKEN = "t0kenThatIsLong//of+a+session=="
SIGNED = re.compile(rb"X-Amz-(?:Signature|Credential|Security-Token)=(?!\*\*\*)[^&\s]")
SPEAKS = """
import json, pathlib, sys
args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
print("fetched https://b.s3.amazonaws.com/k?X-Amz-Credential=me%2F1&X-Amz-Signature=0a1b2c3d4e5f")
print("as aws_access_key_id={key} aws_secret_access_key={secret} aws_session_token={token}")
(pathlib.Path(args["outputpath"]) / "results.json").write_text(json.dumps({{"score": 1.0}}))
if args["how"] == "fails":
    sys.exit("https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b2c3d4e5f&aws_session_token={token}")
"""


@pytest.mark.timeout(180)
def test_they_are_in_no_log_run_folder_database_or_report(lab: Lab) -> None:
    lab.script(SPEAKS.format(key=KEY, secret=SECRET, token=TOKEN))
    lab.environment |= {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_MAX_ATTEMPTS": "2",
    }
    lab.server.fail("PutObject", key="scene1.png", status=403, times=1)  # what an error tells is searched too
    file = lab.study(hyperparameters={"how": ["a", "well", "fails"]}, modifiers=["identity"], parallel=3)
    words = [lab.iqf("--debug", "run", file)]
    assert words[0][0] == 1
    assert "3 failed" in words[0][1]
    words.append(lab.iqf("results", "study", "--failed"))
    if importlib.util.find_spec("iqf_report"):
        words.append(lab.iqf("report", "study", "--metric", "score", "--margin", "0.1"))
        assert (lab.folder / "iqf-runs" / "study" / "report.html").is_file(), words[-1]
    kept = [file for file in (lab.folder / "iqf-runs").rglob("*") if file.is_file()]
    assert any(file.name == "mlflow.db" for file in kept)
    assert any(file.name == "log.txt" and b"X-Amz-Signature=***" in file.read_bytes() for file in kept)
    found = {file: file.read_bytes() for file in kept if not is_code_or_output(file)}
    found |= {Path(f"printed-{number}"): "".join(map(str, one)).encode() for number, one in enumerate(words)}
    found[Path("requests")] = (lab.server.folder / "requests.jsonl").read_bytes()
    for file, content in found.items():
        for secret in (KEY, SECRET, TOKEN, "0a1b2c3d4e5f"):
            assert secret.encode() not in content, file
        assert not SIGNED.search(content), file


def is_code_or_output(file: Path) -> bool:
    """What the script itself wrote is the script's."""
    return "output" in file.parts

"""A study's folder with pictures, a script whose option says how it ends, and the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import iqf_core as iqf
from iqf_sagemaker import aws, executor, staging
from iqf_sagemaker.testing import SageMakerServer
from iqf_sagemaker.testing.fixtures import sagemaker_server

__all__ = ["sagemaker_server"]  # the fixture

IQF = "import sys; from iqf_core.cli import main; sys.exit(main())"
PATIENCE_S = 60.0
SCRIPT = """
import json, os, pathlib, sys, time, zlib

args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
how, output = args.get("how", "well"), pathlib.Path(args["outputpath"])
print("first words of", how, flush=True)
files = sorted(path for path in pathlib.Path(args["testds"]).rglob("[!.]*") if path.is_file())
content = b"".join(path.read_bytes() for path in files)
score = zlib.crc32(content, zlib.crc32(repr((how, args.get("seed"))).encode())) % 10007 / 10007
kept = pathlib.Path(os.environ.get("IQF_CHECKPOINTS", output)) / "kept.txt"
if how == "fails":
    print("no such layer", file=sys.stderr)
    sys.exit(3)
if how in ("interrupted", "stopped", "long") and not kept.exists():
    kept.write_text("half")
    print("half is done", flush=True)
    time.sleep(300)
if how == "interrupted":
    print("goes on from", kept.read_text(), flush=True)
time.sleep(float(args.get("sleep", 0)))
(output / "results.json").write_text(json.dumps({"score": score}))
(output / "files.txt").write_text("\\n".join(path.name for path in files))
print("last words")
"""


class Lab:
    """A folder in which a study is run, as a process or in this one, against a server."""

    def __init__(self, folder: Path, server: SageMakerServer) -> None:
        self.folder, self.server = folder, server
        self.environment = {**server.environment(), "XDG_CACHE_HOME": str(folder / "cache")}
        self._processes: list[subprocess.Popen[str]] = []
        rng = np.random.default_rng(1)
        for number in range(3):
            file = folder / "data" / "images" / f"scene{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            iqf.write_image(file, iqf.Image.from_array(rng.integers(0, 255, (8, 9)).astype(np.uint8)))
        self.script(SCRIPT)

    def script(self, source: str, name: str = "script.py") -> None:
        file = self.folder / "code" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(source))

    def options(self, **changes: Any) -> dict[str, Any]:
        """Options of the executor that fit the server."""
        known = {
            "image_uri": "example/image:1",
            "role": self.server.role_arn(),
            "bucket": "iqf-test",
            "endpoint_url": self.server.url,
            "region": "us-east-1",
            "poll_s": 0.2,
            "poll_most_s": 0.3,
        }
        return known | changes

    def study(self, executor: Any = None, **content: Any) -> Path:
        """Write a study file: JSON is YAML."""
        known = {
            "name": "study",
            "datasets": {"test": "data"},
            "task": {"script": "code/script.py"},
            "executor": {"sagemaker": self.options()} if executor is None else executor,
        }
        file = self.folder / "study.yaml"
        file.write_text(json.dumps({**known, **content}, indent=1))
        return file

    def run(self, executor: Any = None, **content: Any) -> list[dict[str, Any]]:
        """Run a study in this process; its rows."""
        found = iqf.Study.from_file(self.study(executor, **content)).run(progress=False)
        rows: list[dict[str, Any]] = found.dataframe().to_dict("records")
        return rows

    def start(self, *words: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Start the command, and do not wait for it; what it prints goes into files."""
        with (self.folder / "out.txt").open("w") as out, (self.folder / "err.txt").open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-c", IQF, *map(str, words)],
                cwd=self.folder,
                env={**self.environment, **environment},
                stdout=out,
                stderr=err,
                text=True,
            )
        self._processes.append(process)
        return process

    def iqf(self, *words: str | Path, **environment: str) -> tuple[int, str, str]:
        """Run the command: exit code, and what it printed."""
        code = self.start(*words, **environment).wait(PATIENCE_S)
        return code, *((self.folder / name).read_text() for name in ("out.txt", "err.txt"))

    def runs(self) -> list[Path]:
        """Folders of the runs."""
        return sorted((self.folder / "iqf-runs" / "study" / "runs").iterdir())

    def logs(self) -> dict[str, str]:
        """Log of each run by its option ``how``."""
        return {
            json.loads((run / "job.json").read_text())["hyperparameters"].get("how", ""): (
                run / "log.txt"
            ).read_text()
            for run in self.runs()
        }

    def asked(self, operation: str, key: str = "") -> list[str]:
        """Targets of the requests of a kind that the server answered."""
        return [
            one.target for one in self.server.requests if one.operation == operation and key in one.target
        ]

    def job(self, how: str) -> dict[str, Any] | None:
        """Training job of an option ``how``."""
        for one in self.server.jobs():
            if json.loads(one["HyperParameters"].get("how", '""')) == how:
                return one
        return None

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()


@pytest.fixture
def lab(sagemaker_server: SageMakerServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Where credentials and caches are the test's own."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**sagemaker_server.variables(), "AWS_MAX_ATTEMPTS": "3"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    aws.client.cache_clear()
    staging.forget()
    executor.forget()
    made = Lab(tmp_path, sagemaker_server)
    yield made
    made.close()


def wait_for(what: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What a condition gives, once it is something."""
    until = time.monotonic() + patience_s
    while not (found := what()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return found


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Have something done in a thread while a study runs; its failure is the test's."""
    threads: list[threading.Thread] = []
    failures: list[BaseException] = []

    def start(what: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                what()
            except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
                failures.append(error)

        threads.append(threading.Thread(target=guarded))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(PATIENCE_S)
    for failure in failures:
        raise failure

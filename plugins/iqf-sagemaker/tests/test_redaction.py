"""Credentials never stand in what is kept."""

from __future__ import annotations

import pytest

from iqf_sagemaker.redaction import redacted

KEY = "AKIA" + "ABCDEFGHIJKLMNOP"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://b.s3.amazonaws.com/k?X-Amz-Credential=me%2F2026&X-Amz-Signature=0a1b2c&x=1", "0a1b2c"),
        ("https://b.s3.amazonaws.com/k?AWSAccessKeyId=me&Signature=0a1b2c%3D&Expires=1", "0a1b2c"),
        ("X-Amz-Security-Token: 0a1b2c/d+e", "0a1b2c"),
        ("aws_secret_access_key = 0a1b2c/d+e", "0a1b2c"),
        ("{'AWS_SESSION_TOKEN': '0a1b2c'}", "0a1b2c"),
        (f"as {KEY}, who else", KEY),
    ],
)
def test_credentials_and_signatures_are_hidden(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redacted(text)


def test_other_text_stays_to_the_letter() -> None:
    text = "loss=0.25 at s3://bucket/key?version=3, signature of the terrain\nAKIA is a word"
    assert redacted(text) == text

"""What must never be written down: credentials, and addresses that are signed with them."""

from __future__ import annotations

import re

HIDDEN = "***"
_SECRETS = (
    re.compile(r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)(?:=|%3D|\"?\s*[:=]\s*\"?))[^&\s\"'<>]+"),
    re.compile(r"(?i)([?&](?:Signature|AWSAccessKeyId)=)[^&\s\"'<>]+"),
    re.compile(
        r"(?i)(aws_?(?:secret_?access_?key|session_?token|access_?key_?id)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+"
    ),
    re.compile(r"()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
)
"""Each with what may stay in its first group."""


def redacted(text: str) -> str:
    """Text without credentials: keys, tokens, and the signatures of signed addresses.

    Examples
    --------
    >>> redacted("GET https://b.s3.amazonaws.com/k?X-Amz-Signature=0123abcd&x=1")
    'GET https://b.s3.amazonaws.com/k?X-Amz-Signature=***&x=1'
    """
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text

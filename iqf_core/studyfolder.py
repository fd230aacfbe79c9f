"""What the folder of a study says of it as a whole: told in MLflow by the parent of its runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iqf_core.fingerprint import digest_of, file_digest
from iqf_core.runfolder import RunFolder, read_json

STUDY_TAG, FILE_TAG, CRITERION_TAG = "iqf.study", "iqf.study_file", "iqf.criterion."
STUDY, DELIVERED = "study.json", "delivered.json"


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """Files of one study.

    Parameters
    ----------
    path : pathlib.Path
        Its folder: ``iqf-runs/<name>``.
    """

    path: Path

    @property
    def delivered(self) -> Path:
        """Says what MLflow was told last of the study, once it had ended; not there while it runs."""
        return self.path / DELIVERED

    def file(self) -> Path:
        """The study as its user wrote it; as it was run where there is no such file."""
        written = self._content().get("file")
        file = Path(written) if written else self.path / STUDY
        return file if file.is_file() else self.path / STUDY

    def tags(self) -> dict[str, str]:
        """Name, file, and criterion: each of its keys that has a value."""
        content = self._content()
        # `runs_before` says whether the criterion was fixed before there was any outcome.
        kept: dict[str, Any] = content.get("criterion") or {"criterion": {}}
        criterion = {**kept["criterion"], **{key: kept[key] for key in ["runs_before"] if key in kept}}
        tags = {STUDY_TAG: str(content["name"]), FILE_TAG: content.get("file") or ""}
        tags |= {
            f"{CRITERION_TAG}{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in criterion.items()
            if value not in (None, [])
        }
        return {name: value for name, value in tags.items() if value}

    def digest(self, status: str) -> str:
        """Digest of what MLflow is told of the study when it ended so."""
        tags = [f"{name}={value}" for name, value in sorted(self.tags().items())]
        return digest_of(status, file_digest(self.file()), *tags)

    def started(self) -> float | None:
        """When the first of its runs began that ended: seconds since 1970, None where none has."""
        return min((outcome["started"] for outcome in self._outcomes()), default=None)

    def ended(self) -> float | None:
        """When the last of its runs ended."""
        return max((outcome["ended"] for outcome in self._outcomes()), default=None)

    def _outcomes(self) -> Iterator[dict[str, Any]]:
        for key in self._content()["runs"]:
            outcome = RunFolder(self.path / "runs" / key).outcome()
            if outcome is not None:
                yield outcome

    def _content(self) -> dict[str, Any]:
        return read_json(self.path / STUDY) or {}

"""What is written down before a training job is created, so that it is never paid for twice."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from iqf_core import Job
from iqf_core.errors import ResultsError
from iqf_core.runfolder import read_json, write_json

FILE = "sagemaker.json"


@dataclass(frozen=True, slots=True)
class Submission:
    """The training job that a run's folder knows of.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    name : str
        Of the training job, empty where none was asked for.
    """

    folder: Path
    name: str = ""

    @classmethod
    def of(cls, job: Job) -> Self:
        """Read what the run's folder says."""
        try:
            name = (read_json(job.folder / FILE) or {}).get("name", "")
        except ResultsError:  # damaged: its tags tell it too
            name = ""
        return cls(job.folder.absolute(), str(name))

    @property
    def folder_tag(self) -> str:
        """Value that tells jobs of this folder from those of another study that asks for the same run."""
        return hashlib.sha256(f"{platform.node()}:{self.folder}".encode()).hexdigest()[:32]

    def write(self, name: str) -> None:
        """Write the name of the job that is about to be created, so that it outlives a power failure."""
        write_json(self.folder / FILE, {"name": name})

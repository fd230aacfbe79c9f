"""What a training container of SageMaker finds: folders, files, environment and arguments, in script mode.

A process cannot have ``/opt/ml`` for itself as a container has, so it lies below the job's own root, and
hyper-parameters and values of the environment that are paths below ``/opt/ml`` are rewritten; nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOST = "algo-1"
OPT_ML = "/opt/ml"
PASSED = ("PATH", "HOME", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")
"""Variables of ours that a job has too: where programs are; nothing of AWS."""
OWN = "sagemaker_"
"""Beginning of hyper-parameters that are for the container, not for the script."""


class Container:
    """Folder layout of one job below its root.

    Parameters
    ----------
    folder : pathlib.Path
        Of the job; the root is ``opt/ml`` in it.
    request : mapping
        That of CreateTrainingJob.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any]) -> None:
        self.folder = folder
        self.root = folder / "opt" / "ml"
        self.packages = folder / "packages"
        self.request = request
        self.code = self.root / "code"
        self.model = self.root / "model"
        self.output = self.root / "output"
        self.data = self.output / "data"
        self.channels = {
            channel["ChannelName"]: self.root / "input" / "data" / channel["ChannelName"]
            for channel in request.get("InputDataConfig", ())
        }
        local = request.get("CheckpointConfig", {}).get("LocalPath", f"{OPT_ML}/checkpoints")
        self.checkpoints = Path(self.inside(local)) if below_opt_ml(local) else self.root / "checkpoints"
        given = request.get("HyperParameters", {})
        self.parameters = {name: decoded(value) for name, value in given.items()}

    def inside(self, value: str) -> str:
        """Rewrite a path below ``/opt/ml`` to where it lies; return anything else as it is."""
        return str(self.root) + value[len(OPT_ML) :] if below_opt_ml(value) else value

    def make(self) -> None:
        """Make the folders, empty, and the files of the configuration: every start is on a new disk."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.packages, ignore_errors=True)
        configuration = self.root / "input" / "config"
        made = (configuration, self.code, self.model, self.data, self.checkpoints, *self.channels.values())
        for folder in made:
            folder.mkdir(parents=True, exist_ok=True)
        channels = {
            channel["ChannelName"]: {
                "TrainingInputMode": "File",
                "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                    "S3DataDistributionType", "FullyReplicated"
                ),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            }
            for channel in self.request.get("InputDataConfig", ())
        }
        for name, content in (
            ("hyperparameters", self.request.get("HyperParameters", {})),
            ("inputdataconfig", channels),
            ("resourceconfig", self._resources()),
        ):
            (configuration / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

    def _resources(self) -> dict[str, Any]:
        instance = self.request["ResourceConfig"]["InstanceType"]
        group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": [HOST]}
        return {
            "current_host": HOST,
            "current_instance_type": instance,
            "current_group_name": "homogeneousCluster",
            "hosts": [HOST],
            "instance_groups": [group],
            "network_interface_name": "eth0",
        }

    @property
    def archive(self) -> str:
        """Where the script's folder is, as an archive in S3; empty when it was not said."""
        return str(self.parameters.get("sagemaker_submit_directory", ""))

    @property
    def program(self) -> str:
        """Script to run, relative to that folder; empty when it was not said."""
        return str(self.parameters.get("sagemaker_program", ""))

    def script_parameters(self) -> dict[str, Any]:
        """Hyper-parameters of the script, decoded and sorted."""
        names = sorted(name for name in self.parameters if not name.startswith(OWN))
        values = {name: self.parameters[name] for name in names}
        return {
            name: self.inside(value) if isinstance(value, str) else value for name, value in values.items()
        }

    def arguments(self) -> list[str]:
        """Options of the script, as the training toolkit makes them of hyper-parameters."""
        words = []
        for name, value in self.script_parameters().items():
            words += [f"-{name}" if len(name) == 1 else f"--{name}", as_argument(value)]
        return words

    def command(self, python: str) -> list[str]:
        """Program and arguments of the job's process."""
        shell = self.program.endswith(".sh")
        return ["/bin/sh" if shell else python, self.program, *self.arguments()]

    def environment(self, job: str, arn: str) -> dict[str, str]:
        """Environment of the job's process: a few variables of ours, those of the request, SageMaker's."""
        environment = {name: os.environ[name] for name in PASSED if name in os.environ}
        environment |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        environment |= {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"}
        given = self.request.get("Environment", {})
        environment.update({name: self.inside(value) for name, value in given.items()})
        environment["TRAINING_JOB_NAME"] = job
        environment["TRAINING_JOB_ARN"] = arn
        for name, value in self._variables(job).items():
            environment[f"SM_{name}"] = value if isinstance(value, str) else json.dumps(value)
        paths = [str(self.code), *([str(self.packages)] if self.packages.exists() else [])]
        environment["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, [environment.get("PYTHONPATH")])])
        return environment

    def _variables(self, job: str) -> dict[str, Any]:
        parameters = self.script_parameters()
        framework = {name: value for name, value in self.parameters.items() if name.startswith(OWN)}
        instance = self.request["ResourceConfig"]["InstanceType"]
        variables: dict[str, Any] = {
            "CHANNELS": sorted(self.channels),
            "CURRENT_HOST": HOST,
            "CURRENT_INSTANCE_TYPE": instance,
            "FRAMEWORK_PARAMS": framework,
            "HOSTS": [HOST],
            "HPS": parameters,
            "INPUT_CONFIG_DIR": str(self.root / "input" / "config"),
            "INPUT_DIR": str(self.root / "input"),
            "LOG_LEVEL": 20,
            "MODEL_DIR": str(self.model),
            "MODULE_DIR": self.archive,
            "MODULE_NAME": self.program.removesuffix(".py"),
            "NUM_CPUS": os.cpu_count() or 1,
            "NUM_GPUS": 0,
            "OUTPUT_DATA_DIR": str(self.data),
            "OUTPUT_DIR": str(self.output),
            "OUTPUT_INTERMEDIATE_DIR": str(self.output / "intermediate"),
            "RESOURCE_CONFIG": self._resources(),
            "USER_ARGS": self.arguments(),
            "USER_ENTRY_POINT": self.program,
        }
        variables |= {f"CHANNEL_{name.upper()}": str(folder) for name, folder in self.channels.items()}
        variables |= {f"HP_{name.upper()}": as_variable(value) for name, value in parameters.items()}
        variables["TRAINING_ENV"] = {
            "channel_input_dirs": {name: str(folder) for name, folder in self.channels.items()},
            "job_name": job,
            **{
                name.lower(): variables[name]
                for name in variables
                if not name.startswith(("CHANNEL_", "HP_"))
            },
            "hyperparameters": parameters,
            "user_entry_point": self.program,
        }
        return variables


def below_opt_ml(value: str) -> bool:
    """Whether it is ``/opt/ml``, or a path in it."""
    return value == OPT_ML or value.startswith(f"{OPT_ML}/")


def decoded(value: str) -> Any:
    """Value of a hyper-parameter: from JSON where it is that, else the text itself."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def as_argument(value: Any) -> str:
    """Text of a decoded value on the command line, as the toolkit writes it."""
    if isinstance(value, dict):
        return ",".join(f"{name}={item}" for name, item in sorted(value.items()))
    return "" if value is None else str(value)


def as_variable(value: Any) -> str:
    """Text of a decoded value in the environment."""
    return json.dumps(value) if isinstance(value, dict | list) else as_argument(value)

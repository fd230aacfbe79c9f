"""A study: what is degraded, how, what is run on it, and what is measured. One file says it all."""

from __future__ import annotations

from iqf_core.plan import Plan, make_plan
from iqf_core.results import Results
from iqf_core.runner import run_plan
from iqf_core.study_file import StudyFile


class Study(StudyFile):
    """Datasets x modifiers x hyper-parameters x repetitions, and what is run and measured.

    Parameters
    ----------
    name : str
        Names the folder of results and the MLflow experiment.
    datasets : Datasets or dict
        Parts, or one source to split.
    task : TaskEntry or dict
        The user's script.
    modifiers : list
        Each entry a modifier, a chain (a list), or a grid (lists as values).
    reference : bool, optional
        Add the untouched dataset.
    matrix : bool, optional
        Train on each variant, and judge each model on the test images of every variant, with ``task.infer``.
    frozen : bool, optional
        Train nothing: judge ``task.model`` on every variant, with ``task.infer``.
    apply_to : list of {"train", "val", "test"}, optional
        Parts that are modified; the others stay untouched.
    hyperparameters : dict, optional
        Options of the script; a list is a grid.
    repetitions : int, optional
        How often each cell is run.
    seed : int, optional
        Of modifiers that draw, and of the repetitions.
    seed_argument : str or None, optional
        The script's option that receives each repetition's own seed.
    metrics : list, optional
        Of the images of the last part (test, else val, else train), of predictions, or of generated images.
    verify : list or dict, optional
        Metrics of a sample of the images before and after each modifier, as for `iqf_core.make_variant`.
    criterion : Criterion or dict, optional
        Metric, margin and confidence by which the study is to be decided.
    executor : str or dict, optional
        ``local``, or ``{name: options}``.
    parallel : int, optional
        Runs at once.
    workers : int or None, optional
        Images at once; one per processor unless given.
    storage : {"source", "codestream"}, optional
        As for `iqf_core.make_variant`.
    variants_root, runs_root : str or None, optional
        Where variants and results are written, relative to the study file; unless given, beside the
        dataset, and in ``iqf-runs`` in the current folder.
    mlflow_monitoring : bool, optional
        Pass ``--mlfuri --mlfexpid --mlfrunid``, so that the script writes to its MLflow run itself.
    tracking_uri, registry_uri : str or None, optional
        Of MLflow; ``iqf-runs/mlflow.db`` (SQLite) unless given.
    plugins : PluginsEntry or dict, optional
        What is required and what is disabled.

    Raises
    ------
    StudyError
        Naming the key, and the nearest valid one.
    """

    def plan(self) -> Plan:
        """All runs, and what is already done.

        Returns
        -------
        Plan
            Nothing is run; a split is laid down in the study's folder.
        """
        return make_plan(self)

    def run(
        self,
        *,
        fresh: bool = False,
        parallel: int | None = None,
        fail_fast: bool = False,
        progress: bool | None = None,
    ) -> Results:
        """Run what is not done yet.

        Parameters
        ----------
        fresh : bool, optional
            Run again what is done.
        parallel : int, optional
            Runs at once, instead of the study's.
        fail_fast : bool, optional
            Start nothing more after the first failure.
        progress : bool, optional
            Show bars; by default on a terminal.

        Returns
        -------
        Results
            Of all runs, the failed ones too: a failure does not end a study.
        """
        run_plan(self.plan(), fresh=fresh, parallel=parallel, fail_fast=fail_fast, progress=progress)
        return Results(self.folder)

"""Epochs to MLflow: a data base below the records, or the server that MLFLOW_TRACKING_URI names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from empirical.observers.observer import numbers
from empirical.runs.config import RunConfig
from empirical.training.epoch_record import EpochRecord

_EXPERIMENT = "rethinking-generalization"
_TAG = "rethinking_run"


class MLflow:
    """A run of theirs for each of ours, found again by a tag with our run's hash.

    Arguments:
        client: the client of the tracking store. MLFLOW_EXPERIMENT_NAME names another experiment.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._id = ""

    def begin(self, run: RunConfig) -> None:
        """Open the run, or the one that was begun."""
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
        experiment = self._client.get_experiment_by_name(name)
        number = experiment.experiment_id if experiment else self._client.create_experiment(name)
        begun = self._client.search_runs([number], filter_string=f"tags.{_TAG} = '{run.hash}'", max_results=1)
        if begun:
            self._id = begun[0].info.run_id
            return
        made = self._client.create_run(number, tags={_TAG: run.hash}, run_name=run.directory_name)
        self._id = made.info.run_id
        for key, value in run.recorded().items():
            self._client.log_param(self._id, key, str(value)[:500])

    def epoch(self, run: RunConfig, record: EpochRecord) -> None:
        """Log the epoch's numbers against its number."""
        for name, value in numbers(record).items():
            self._client.log_metric(self._id, name, value, step=record.epoch)

    def end(self, run: RunConfig, metrics: Mapping[str, Any] | None) -> None:
        """Log a finished run's metrics, and say whether it is finished."""
        for name, value in numbers(metrics or {}).items():
            self._client.log_metric(self._id, f"final.{name}", value)
        self._client.set_terminated(self._id, status="KILLED" if metrics is None else "FINISHED")


def observer(out: Path) -> MLflow:
    """The one behind `--observe mlflow`."""
    out.mkdir(parents=True, exist_ok=True)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(out / 'mlflow.db').absolute()}"
    return MLflow(MlflowClient(tracking_uri=uri))

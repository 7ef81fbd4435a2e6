"""A record's metrics: a dictionary that says which metric is missing."""

from collections.abc import Mapping
from typing import Any


class MissingMetricError(KeyError):
    """Raised where a record lacks a metric that was asked for.

    Attributes:
        metric: the name of the metric.
    """

    def __init__(self, metric: str):
        super().__init__(metric)
        self.metric = metric


class Metrics(dict[str, Any]):
    """Metrics by name. Metrics inside metrics are of this type too."""

    def __missing__(self, name: str) -> Any:
        raise MissingMetricError(name)

    @staticmethod
    def of(content: Mapping[str, Any]) -> "Metrics":
        """Nested mappings, and lists of them, as metrics."""
        return Metrics({name: _nested(value) for name, value in content.items()})


def _nested(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Metrics.of(value)
    return [_nested(entry) for entry in value] if isinstance(value, list) else value

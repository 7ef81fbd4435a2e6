"""Every finished run as a row of a table: `results.csv`, and `timing.csv` for what differs from run to run.

Columns are the resolved configuration, digests of the data, versions and device, and the scalar metrics. Rows are in
order of the runs' directories, so that the same runs give the same bytes whatever order or interruptions they had.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empirical.runs.metrics import METRICS
from empirical.runs.records import Run
from theory.common.atomic import replacing

_ENCODED = {
    metric.name.rpartition(".")[2]
    for metrics in METRICS.values()
    for metric in metrics
    if metric.unit in ("bits", "bytes")
}
"""The names of metrics that are bits or bytes, in base64 where they are text."""


def write_results(runs: list[Run], out: Path) -> None:
    """Write `results.csv` and `timing.csv` into a directory, whole or not at all."""
    ordered = sorted(runs, key=lambda run: run.path.name)
    _write(out / "results.csv", [result_row(run) for run in ordered])
    _write(out / "timing.csv", [{"run": run.path.name, **_scalars("", run.summary.time)} for run in ordered])


def result_row(run: Run) -> dict[str, Any]:
    """A run's row of `results.csv`, by column."""
    return {
        "run": run.path.name,
        **_scalars("", run.config.recorded()),
        **_scalars("", run.summary.metrics),
        **_scalars("environment.", run.summary.environment),
    }


def _scalars(prefix: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings with dotted names; lists and encoded bits are left to the records."""
    scalars: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            scalars |= _scalars(f"{prefix}{name}.", value)
        elif isinstance(value, int | float | None) or (isinstance(value, str) and name not in _ENCODED):
            scalars[prefix + name] = value
    return scalars


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    columns = dict.fromkeys(name for row in rows for name in row)
    with (
        replacing(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)

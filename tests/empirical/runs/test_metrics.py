"""The reference of the metrics says what the records in the repository have, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from empirical.runs.metrics import (
    ENVIRONMENT,
    EPOCH,
    EPOCH_TIME,
    METRICS,
    TIME,
    Metric,
    described,
    entries,
    with_reference,
)
from empirical.runs.packed import PACKED, Record, read_packed

ROOT = Path(__file__).parents[3]
RECORDS = [record for file in (ROOT / "results").glob(f"*/{PACKED}") for record in read_packed(file.parent).values()]


def parts(record: Record) -> Iterator[tuple[str, tuple[Metric, ...], dict]]:
    """Each part of a record with the metrics that it may have."""
    kind, summary = record["config"]["kind"], record["summary"]
    yield kind, METRICS[kind], summary["metrics"]
    yield f"time of {kind}", (*TIME["every run"], *TIME.get(kind, ())), summary["time"]
    yield "environment", ENVIRONMENT, summary["environment"]
    for epoch in record["epochs"]:
        yield "epoch", (*EPOCH, *EPOCH_TIME), epoch


def occurrences() -> dict[tuple[str, str], tuple[tuple[Metric, ...], set[bool]]]:
    """By part and name: the metrics it may be, and whether it is null, in all records."""
    occurrence_of: dict[tuple[str, str], tuple[tuple[Metric, ...], set[bool]]] = {}
    for record in RECORDS:
        for where, metrics, content in parts(record):
            for name, value in entries(content):
                occurrence_of.setdefault((where, name), (metrics, set()))[1].add(value is None)
    return occurrence_of


def test_every_number_in_a_record_is_documented():
    entries = occurrences()
    assert {where for where, _ in entries} >= {*METRICS, "epoch", "environment"}
    assert [key for key, (metrics, _) in entries.items() if not described(key[1], metrics)] == []


def test_what_can_be_absent_is_said_to_be():
    nulls = [(key, described(key[1], metrics)) for key, (metrics, null) in occurrences().items() if True in null]
    assert nulls
    assert [key for key, metrics in nulls if not all(metric.absent for metric in metrics)] == []
    missing = {
        (where, metric.name)
        for record in RECORDS
        for where, metrics, content in parts(record)
        for names in [[name for name, _ in entries(content)]]
        for metric in metrics
        if not metric.absent and not any(described(name, [metric]) for name in names)
    }
    assert missing == set()


def test_every_documented_number_occurs():
    names: dict[str, set[str]] = {}
    documented: dict[str, tuple[Metric, ...]] = {}
    for (where, name), (metrics, _) in occurrences().items():
        documented[where] = metrics
        names.setdefault(where, set()).add(name)
    for where, metrics in documented.items():
        unused = {metric.name for metric in metrics if not any(described(name, [metric]) for name in names[where])}
        assert unused == set(), where


def test_the_page_has_the_reference():
    page = (ROOT / "docs" / "records.md").read_text()
    assert with_reference(page) == page, "python -m empirical.runs.metrics docs/records.md"
    with pytest.raises(ValueError, match="no place for the reference"):
        with_reference("no markers")


def test_every_entry_says_what_it_is():
    for metrics in (*METRICS.values(), EPOCH, *TIME.values(), ENVIRONMENT):
        assert len({metric.name for metric in metrics}) == len(metrics)
        for metric in metrics:
            assert metric.unit
            assert metric.meaning.endswith(".")

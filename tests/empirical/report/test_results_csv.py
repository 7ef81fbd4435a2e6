import csv

from empirical.report.results_csv import result_row, write_results
from empirical.runs.config import Explicit
from empirical.runs.records import read_runs
from tests.made_up import made_up_config, made_up_run


def test_a_row_for_every_run_with_all_that_was_resolved(main_job, tmp_path):
    runs = read_runs(main_job)
    write_results(runs, tmp_path)
    with open(tmp_path / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == sorted(run.path.name for run in runs)
    for row, run in zip(rows, sorted(runs, key=lambda run: run.path.name), strict=True):
        assert float(row["test_accuracy"]) == run.summary.metrics["test_accuracy"]
        assert row["train_digest"] == run.config.train_digest
        assert row["training.learning_rate"] == ("0.01" if run.config.training else "")
        assert row["randomization.label_noise"] == str(run.config.randomization.label_noise.record())
        assert row["environment.torch"] == run.summary.environment["torch"]
    assert not {"seconds", "test_hits", "test_confusion"} & set(rows[0])
    with open(tmp_path / "timing.csv", newline="") as file:
        assert float(next(csv.DictReader(file))["seconds"]) > 0


def test_the_order_of_runs_does_not_matter(main_job, tmp_path):
    runs = read_runs(main_job)
    for name, ordered in (("a", runs), ("b", runs[::-1])):
        (tmp_path / name).mkdir()
        write_results(ordered, tmp_path / name)
    assert (tmp_path / "a" / "results.csv").read_bytes() == (tmp_path / "b" / "results.csv").read_bytes()


def test_encoded_bits_are_left_to_the_records():
    """A count of the same name stays."""
    hits = made_up_run(
        made_up_config(Explicit()), {"changed": "AAAA", "nearest_neighbour_hits": "AAAA", "accuracy": 0.5}
    )
    counts = made_up_run(made_up_config(Explicit()), {"changed": 7})
    assert result_row(hits).keys() >= {"accuracy"}
    assert not {"changed", "nearest_neighbour_hits"} & result_row(hits).keys()
    assert result_row(counts)["changed"] == 7

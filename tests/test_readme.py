"""The front door is true: the README's code runs, its links lead somewhere, its commands exist."""

import re
from pathlib import Path

import numpy as np
import pytest

from empirical.claims.paper_tables import table_1, table_4
from empirical.claims.randomization_tests import compare, result_sets
from empirical.claims.verdicts import in_words
from empirical.runs.records import read_runs

README = Path(__file__).parents[1] / "README.md"


def test_the_code_runs_on_a_readers_own_csv(tmp_path, monkeypatch, capsys):
    random = np.random.default_rng(0)
    table = np.column_stack([random.standard_normal((50, 3)), random.integers(0, 4, 50)])
    np.savetxt(tmp_path / "mine.csv", table, delimiter=",", header="a,b,c,label")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL))
    exec(code, {})
    output = capsys.readouterr().out
    assert "103 weights" in output
    assert "CheckedCertificate(holds=True, points=50" in output


def test_links_and_pictures_lead_somewhere():
    text = README.read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    local = [target for target in targets if not target.startswith("http")]
    assert len(local) > 10
    for target in local:
        assert (README.parent / target).exists(), target


@pytest.mark.parametrize("ending", ["-m empirical.run", "-m pytest"])
def test_two_commands_of_one_line(ending):
    lines = [line for line in README.read_text().splitlines() if line.endswith(ending)]
    assert len(lines) == 1
    assert lines[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_the_table_of_accuracies_is_that_of_the_records():
    """Our and the paper's numbers of every row, from the records and from the paper's tables."""
    results = README.parent / "results"
    tables = [
        table(read_runs(results / f"cifar10-{name}")) for name in ("laptop", "alexnet") for table in (table_1, table_4)
    ]
    rows = {
        (row.model, row.test, row.regularisers, row.runs[0].config.n_train): row
        for table in tables
        for row in table
        if row.runs
    }
    names = {"inception": "Inception", "alexnet": "AlexNet", "mlp-3x512": "MLP 3x512", "mlp-1x512": "MLP 1x512"}
    found = 0
    for (model, test, regularisers, n), row in rows.items():
        if test != "true labels":
            continue
        random = rows.get((model, "random labels", regularisers, n))
        name = names[model] + ", random crops" * (regularisers[0] == "crop") + ", weight decay" * regularisers[1]
        (line,) = (one for one in README.read_text().splitlines() if one.startswith(f"| {name} | {n:,} |"))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[2] == ", ".join(str(run.config.seed) for run in row.runs)
        for one, (epochs, train, test_cell) in ((row, cells[3:6]), (random, cells[6:9])):
            if one is None:
                assert (epochs, train, test_cell) == ("—", "—", "—")
                continue
            spread = sorted(run.summary.metrics["epoch"] for run in one.runs)
            assert epochs.split(" to ") == [str(epoch) for epoch in dict.fromkeys((spread[0], spread[-1]))]
            assert train == f"100.00 ({'did not fit' if one.paper_train is None else f'{one.paper_train:.2f}'})"
            assert one.fitted == len(one.runs)
            paper = "" if one.paper_test is None else f" ({one.paper_test:.2f})"
            assert test_cell == f"{one.test_accuracy}{paper}"
            found += 1
    assert found == 21


def test_the_sentences_on_batch_norm_are_those_of_the_records():
    runs = read_runs(README.parent / "results" / "cifar10-no-batch-norm")
    found = {
        (run.config.model, run.config.randomization.name): run.summary.metrics | {"n": run.config.n_train}
        for run in runs
        if run.config.kind == "trained" and run.summary.metrics["fitted"]
    }
    text = " ".join(README.read_text().split())
    without, with_it = (found[model, "random labels"] for model in ("inception-no-bn", "inception"))
    assert without["n"] == with_it["n"]
    fits = f"{without['n']} images with random labels in {without['epoch']} epochs, with it in {with_it['epoch']}; "
    without, with_it = (found[model, "true labels"] for model in ("inception-no-bn", "inception"))
    fits += f"with true labels in {without['epoch']} epochs, with it in {with_it['epoch']}, "
    assert fits in text
    assert (
        f"{without['test_accuracy']:.1%} of the test images are right, with it {with_it['test_accuracy']:.1%}" in text
    )


def test_what_the_main_job_finds_is_what_its_records_say():
    (results,) = result_sets(read_runs(README.parent / "results" / "digits"))
    text = README.read_text()
    for finding in compare(results):
        assert f"{in_words(finding)}\n" in text

"""The paper's tables and figures on the page, from made-up records of its experiments."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from scipy import stats

from empirical.claims.paper_claims import CLAIMS
from empirical.claims.paper_tables import tables_of
from empirical.claims.result_sets import result_sets
from empirical.claims.verdicts import claim_verdicts, subjects
from figures.__main__ import main
from figures.draw import all_runs, record_folders, theory_findings_of
from figures.networks import data_set_runs
from figures.report import _counted, _telling, lowest_seeds
from figures.result_figure import ResultFigure
from figures.seed_comparison import seed_tables
from tests.figures.made_up_networks import network_run, paper_runs, rise
from tests.made_up import write_run
from theory.checks import CLAIMS as THEORY_CLAIMS
from theory.claims import Claim, Evidence, Finding, Verdict, write_findings


def stub(results, path: Path) -> None:
    """In place of the figures of one set of results, which have their own tests."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(path.name + ".svg").write_text("<svg></svg>")


@pytest.fixture(scope="module")
def paper_directory(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("paper-records")
    for run in paper_runs():
        write_run(run, out)
    evidence = Evidence(Verdict.HOLDS, "made up", "", "")
    write_findings([Finding(checked.claim, evidence, 0.0) for checked in THEORY_CLAIMS], out / "theory.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("figures.draw.FIGURES", {"Stub": ResultFigure("stub", stub)})
        assert main([str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def tables(paper_directory) -> dict[str, list[list[str]]]:
    """Rows of cells of the tables of the paper, by title, as text."""
    page = (paper_directory / "report.html").read_text()
    matches = re.findall(
        r'<h3>([^<]*)</h3>\s*<div class="scroll" tabindex="0"><table class="headed">(.*?)</table>', page, re.DOTALL
    )
    return {title: [_cells(row) for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)] for title, body in matches}


def _cells(row: str) -> list[str]:
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]*>", " ", cell)).split()) for cell in cells]


def test_files(paper_directory):
    names = {path.stem for path in (paper_directory / "figures").glob("figure-*.png")}
    assert names == {"figure-1a_cifar10-inception-n-1000", "figure-1b_cifar10", "figure-1c_cifar10", "figure-2_cifar10"}
    for png in (paper_directory / "figures").glob("*.png"):
        assert png.stat().st_size < 200_000, "small enough for a README"


def test_figures_are_on_the_page(paper_directory):
    page = (paper_directory / "report.html").read_text()
    for title in ("Figure 1a: training loss, inception, n = 1,000", "Figure 1b", "Figure 1c", "Figure 2"):
        assert page.count(f'aria-label="{title}') == 1
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", ["C18", "C19", "C20", "C23", "C24"])
def test_a_machine_checked_proof_is_the_evidence(paper_directory, name):
    page = (paper_directory / "report.html").read_text()
    row = page[page.index(f'<details class="claim" id="{name}">') :]
    assert "<b>proved, machine-checked: " in row[: row.index("</details>")]


def test_table_1(tables):
    header, *rows = tables["Table 1: accuracy, 2,000 training and 1,000 test images"]
    assert header[1:5] == ["the paper (CIFAR-10), train", "the paper (CIFAR-10), test", "ours, train", "ours, test"]
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["alexnet true labels, no regularisers"] == [
        "100.00",
        "76.07",
        "100.00 ± 0.00",
        "40.00 ± 0.00",
        "43.00 ± 0.00 epoch 4, 4",
        "2 of 2",
        "2,000 of 50,000 images, 15 to 16 epochs, seeds 0, 1",
    ]
    inception = {row[0]: row[1:] for row in tables["Table 1: accuracy, 1,000 training and 1,000 test images"]}
    assert inception["inception true labels, crop, weight decay"][:4] == [
        "100.00",
        "89.05",
        "100.00 augmented 90.00",
        "53.00",
    ]
    mlp = {row[0]: row[1:] for row in tables["Table 1: accuracy, 10,000 training and 1,000 test images"]}
    assert mlp["mlp-1x512 random labels, no regularisers"][5] == "1 of 2"


def test_no_table_has_two_sizes(tables):
    of_the_paper = {title: rows for title, rows in tables.items() if title.startswith("Table ")}
    assert len(of_the_paper) == 5, "Table 1 for three sizes, Table 4 for two"
    for title, (_, *rows) in of_the_paper.items():
        n = title.partition(" training and ")[0].rpartition(" ")[2]
        assert all(row[-1].startswith(f"{n} of 50,000 images") for row in rows)


def test_what_was_not_run_is_said_once(paper_directory):
    page = (paper_directory / "report.html").read_text()
    assert page.count("mlp-3x512 on true labels, weight decay") == 1
    assert page.count("inception on random labels, flip-rotate") == 1


def test_table_4(tables):
    header, *_ = tables["Table 4: random labels, with regularisers, 1,000 training and 1,000 test images"]
    assert header[1:3] == ["the paper (CIFAR-10), train", "ours, train"]
    header, *rows = tables["Table 4: random labels, with regularisers, 2,000 training and 1,000 test images"]
    by_name = {row[0]: row[1:] for row in rows}
    alexnet = dict(zip(header[1:], by_name["alexnet random labels, weight decay"], strict=True))
    assert alexnet["runs that fit"] == "0 of 1"
    assert all(row[-1] != "not run" for row in rows)


def test_seeds_are_compared_in_one_table_for_each_size(tables):
    header, *rows = tables["Seeds and settings, 2,000 training and 1,000 test images"]
    assert header[2:6] == ["seeds", "fitted", "epochs to fit", "test accuracy, %"]
    (true,) = [row for row in rows if row[1] == "true labels"]
    assert true == [
        "alexnet, SGD from 0.01",
        "true labels",
        "0, 1",
        "2 of 2",
        "15.5 ± 0.7",
        "40.00 ± 0.00",
        "reference",
        "—",
    ]


def test_the_paired_difference_is_that_of_scipy():
    seeds = range(4)
    ours, theirs = [0.30, 0.34, 0.33, 0.38], [0.35, 0.36, 0.41, 0.40]
    runs = [
        network_run(model, "true-labels", 5, rise(accuracy, 5), seed=seed)
        for model, accuracies in (("alexnet", theirs), ("mlp-1x512", ours))
        for seed, accuracy in zip(seeds, accuracies, strict=True)
    ]
    ((data_set,),) = [data_set_runs(runs)]
    (table,) = seed_tables(data_set)
    reference, row = table.rows
    assert reference[-2:] == ("reference", "—")
    test = stats.ttest_rel(ours, theirs)
    low, high = test.confidence_interval(0.99)
    assert row[-2] == f"{50 * (low + high):+.2f} ± {50 * (high - low):.2f} (4 seeds)"
    assert row[-1] == f"{test.pvalue:.2g}"


def test_claims_on_regularisation(paper_directory):
    page = (paper_directory / "report.html").read_text()
    for claim in range(11, 18):
        assert 1 <= page.count(f"<b>C{claim}</b>") <= 2, "decided on each of two numbers of images, or on none"


def test_only_the_lowest_seed_has_a_section(paper_directory):
    page = (paper_directory / "report.html").read_text()
    headings = re.findall(r"<h2>([^<]*, seed \d+[^<]*)</h2>", page)
    assert len(headings) == len(set(headings))
    assert headings.count("cifar10, alexnet, n = 2,000, seed 0") == 1
    assert not any("seed 1" in heading for heading in headings)
    section = page[page.index("<h2>cifar10, alexnet, n = 2,000, seed 0</h2>") :]
    assert "Recorded with other seeds too: 1." in section[: section.index("<h3>")]
    names = {path.stem for path in (paper_directory / "figures").glob("stub_*")}
    assert {"stub_cifar10-alexnet-seed-0", "stub_cifar10-mlp-1x512-seed-0"} <= names
    assert not any("seed-1" in name for name in names)


def test_lowest_seeds():
    runs = [
        network_run(model, test, 5, rise(0.3, 5), seed=seed, n_train=n_train)
        for model, n_train, seeds in (("alexnet", 1000, (2, 1)), ("alexnet", 2000, (2,)), ("mlp-1x512", 1000, (0, 5)))
        for seed in seeds
        for test in ("true-labels", "random-labels")
    ]
    chosen = lowest_seeds(result_sets(runs))
    assert {(results.config.model, results.config.n_train, results.config.seed) for results in chosen} == {
        ("alexnet", 1000, 1),
        ("alexnet", 2000, 2),
        ("mlp-1x512", 1000, 0),
    }


def test_of_other_data_only_what_was_run(tmp_path):
    runs = [network_run(model, "true-labels", 5, rise(0.3, 5), data="mnist") for model in ("mlp-1x512", "mlp-3x512")]
    assert {table.title: len(rows) for table, rows in tables_of("mnist", runs).items()} == {"Table 1: accuracy": 2}
    for run in runs:
        write_run(run, tmp_path)
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "Table 4:" not in page
    assert "the paper<br>(CIFAR-10),<br>test" in page, "whose images the paper's values are of"
    assert "not run</td>" not in page
    assert "Figures</h3>" not in page, "one test: nothing to draw"


def test_one_network_with_one_seed_has_no_section_of_its_own(tmp_path):
    for test in ("true-labels", "corrupted-0.5", "random-labels"):
        write_run(network_run("mlp-1x512", test, 5, rise(0.3, 5)), tmp_path)
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "tables and figures" not in page
    assert page.count("<figure ") == 3, "only the labels differ, training loss, label corruption"
    assert not list((tmp_path / "figures").glob("figure-*"))


def test_several_directories_make_one_page(tmp_path):
    """A run that is in two of them counts once; the theory's findings are beside them."""
    runs = [network_run("mlp-1x512", test, 5, rise(0.3, 5)) for test in ("true-labels", "random-labels")]
    write_run(runs[0], tmp_path / "a")
    for run in runs:
        write_run(run, tmp_path / "b")
    theory = [Finding(Claim("corollary-1", "s", "s"), Evidence(Verdict.HOLDS, "m <i>", "b", "r"), 0.0)]
    (tmp_path / "theory").mkdir()
    write_findings(theory, tmp_path / "theory" / "claims.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("figures.draw.FIGURES", {"Stub": ResultFigure("stub", stub)})
        assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    row = r'<span class="id">(C\d+)</span>\s*<span class="says">.*?</span>\s*<span[^>]*>(.*?)</'
    claims = re.findall(row, page, re.DOTALL)
    assert sorted(name for name, _ in claims) == sorted(claim.id for claim in CLAIMS)
    assert [verdict for _, verdict in claims] == sorted(
        (verdict for _, verdict in claims),
        key=["holds", "depends on the data", "does not hold", "not decided here"].index,
    ), "what holds comes first"
    entries = {entry["id"]: entry for entry in json.loads((tmp_path / "claims.json").read_text())}
    assert {name: entries[name]["verdict"] for name, _ in claims} == dict(claims)
    assert entries["C20"]["verdict"] == "holds"
    assert "m &lt;i&gt;" in page, "what was measured is text, not markup"
    (finding,) = entries["C29"]["findings"]
    assert "mlp-1x512" in finding["subject"]
    assert page.count("<h2>cifar10, mlp-1x512, n = 1,000, seed 0</h2>") == 1


def test_the_verdicts_in_the_repository_are_those_of_its_records():
    """results/claims.json is made by `python -m figures results`: after a change of records or rules make it again."""
    results = Path(__file__).parents[2] / "results"
    verdicts = claim_verdicts(subjects(all_runs(record_folders(results))), theory_findings_of(results))
    entries = json.loads((results / "claims.json").read_text())
    assert [(entry["id"], entry["verdict"]) for entry in entries] == [
        (claim_verdict.claim.id, claim_verdict.verdict) for claim_verdict in verdicts
    ]
    counts = [len(entry["findings"]) for entry in entries]
    assert counts == [len(claim_verdict.findings) for claim_verdict in verdicts]


def test_titles_say_as_much_as_tells_them_apart():
    parts = [["a", "x", "1"], ["b", "x", "1"], ["a", "y", "1"], ["c", "x", "1"], ["c", "x", "2"]]
    assert _telling(parts) == ["a, x", "b", "a, y", "c, x, 1", "c, x, 2"]


def test_counts_are_a_sentence():
    assert _counted({"holds": 13, "does not hold": 1, "not decided here": 2}) == (
        "The paper makes 16 claims: 13 hold, 1 does not hold and 2 are not decided here."
    )


def test_every_link_of_the_contents_has_a_place(paper_directory):
    page = (paper_directory / "report.html").read_text()
    targets = re.findall(r'<li><a href="#([^"]*)"', page)
    assert len(targets) >= 5
    assert all(page.count(f'id="{target}"') == 1 for target in targets)

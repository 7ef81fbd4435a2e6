"""Notebooks run from top to bottom, print what their text says, and are committed without outputs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs").glob("*.ipynb"))
LARGEST_OUTPUT = 2_000  # characters: a line of text or a small table, no picture

nbformat = pytest.importorskip("nbformat", reason="notebooks need the test extra: nbclient and ipykernel")
nbclient = pytest.importorskip("nbclient", reason="notebooks need the test extra: nbclient and ipykernel")


def executed(name: str, scratch: Path):
    """A notebook as it is after it ran, in a kernel of its own that imports this tree's packages."""
    pytest.importorskip("ipykernel", reason="notebooks need the test extra: nbclient and ipykernel")
    notebook = nbformat.read(ROOT / "docs" / name, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=":")
        patch.setenv("JUPYTER_RUNTIME_DIR", str(scratch / "runtime"))
        patch.setenv("IPYTHONDIR", str(scratch / "ipython"))
        client = nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(scratch)}})
        return client.execute()


def printed_by(notebook) -> str:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return "\n".join(output.text for cell in cells for output in cell.outputs if "text" in output)


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    return executed("lesson.ipynb", tmp_path_factory.mktemp("lesson"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_valid_and_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count is None
            assert len(str(cell.outputs)) <= LARGEST_OUTPUT


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith("http")]
    assert targets
    for target in targets:
        assert (path.parent / target).exists(), target


def test_the_lesson_says_what_its_runs_show(lesson):
    """The sentences under each section, as inequalities on what its cells printed."""
    printed = printed_by(lesson)
    networks = dict(re.findall(r"^([a-zA-Z][\w ,.=]+?) +\d+ +100\.0% +([\d.]+)%$", printed, re.MULTILINE))
    assert len(networks) == 6
    right = {name: float(share) for name, share in networks.items()}
    assert right["true labels"] > 85
    assert right["shuffled pixels"] > 85
    for name in ("random labels", "random pixels", "Gaussian"):
        assert right[name] < 16  # guessing is right on 10%; 500 test images and a p-value of 1e-5
    assert right["random labels"] + 16 < right["corrupted labels, p = 0.5"] < right["true labels"] - 16
    assert "664 weights" in printed
    assert "random labels reproduced: 100%" in printed
    assert float(re.search(r"new images labelled rightly: ([\d.]+)%", printed).group(1)) < 25
    length, accuracy = {}, {}
    for name in ("SGD", "the shortest solution", "another solution"):
        numbers = re.search(rf"^{name} +[\d.e+-]+ +([\d.]+) +([\d.]+)%$", printed, re.MULTILINE)
        length[name], accuracy[name] = float(numbers.group(1)), float(numbers.group(2))
    assert length["SGD"] == length["the shortest solution"] < length["another solution"]
    assert accuracy["SGD"] == accuracy["the shortest solution"] > accuracy["another solution"]
    kernel = re.findall(r"^(true|random) +([\d.]+) +(\d+)% +([\d.]+) +([\d.]+)%$", printed, re.MULTILINE)
    assert len(kernel) == 6
    assert {row[2] for row in kernel} == {"100"}
    norm = {(row[0], row[1]): float(row[3]) for row in kernel}
    assert all(norm["random", share] > norm["true", share] for _, share in norm)
    assert norm["true", "1.00"] > norm["random", "0.28"]
    assert all((float(row[4]) > 90) if row[0] == "true" else (float(row[4]) < 16) for row in kernel)


def test_no_cell_failed_and_pictures_were_drawn(lesson):
    kinds = [output.output_type for cell in lesson.cells if cell.cell_type == "code" for output in cell.outputs]
    assert "error" not in kinds
    assert kinds.count("display_data") == 2


def test_a_network_of_ones_own_on_data_of_ones_own_to_a_latex_table(tmp_path):
    notebook = executed("your-own.ipynb", tmp_path)
    kinds = [output.output_type for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert "error" not in kinds
    printed = printed_by(notebook)
    assert re.search(r"^\d+ runs, 0 failed$", printed, re.MULTILINE)
    rows = re.findall(
        r"^(true labels|random labels|Gaussian) +training +([\d.]+)% +test +([\d.]+)%", printed, re.MULTILINE
    )
    assert [row[0] for row in rows] == ["true labels", "random labels", "Gaussian"]
    assert {row[1] for row in rows} == {"100.0"}
    accuracy = {row[0]: float(row[2]) for row in rows}
    assert accuracy["true labels"] > 80
    # Guessing is right on 10%; two runs on 500 test images, p-value 1e-4.
    assert accuracy["random labels"] < 15
    for part in (r"\begin{tabular}", r"\toprule", r"\bottomrule", "random labels"):
        assert part in printed

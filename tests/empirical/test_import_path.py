"""A user's code by its import path, and what of it is part of a run's identity."""

import hashlib
import importlib
import sys
from pathlib import Path

import pytest

from empirical.import_path import source_digest


def forget() -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in ("mine", "layers", "lazily", "package", "alone"):
            del sys.modules[name]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """mine.py, the modules that it imports, and one that it does not."""
    files = {
        "mine.py": "import numpy\nfrom layers import width\nimport package.blocks\ndef network(): pass\n",
        "layers.py": "width = 3\ndef later():\n    import lazily\n",
        "lazily.py": "x = 1\n",
        "package/__init__.py": "",
        "package/blocks.py": "from . import norms\nfrom .norms import eps\n",
        "package/norms.py": "eps = 1\n",
        "package/unused.py": "x = 1\n",
        "unused.py": "x = 1\n",
        "alone.py": "import numpy\nimport empirical\ndef network(): pass\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    forget()  # another test's mine.py
    yield tmp_path
    forget()


@pytest.mark.parametrize(
    "name", ["mine.py", "layers.py", "lazily.py", "package/__init__.py", "package/blocks.py", "package/norms.py"]
)
def test_an_edit_of_what_the_module_imports_is_another_run(project, name):
    before = source_digest("mine:network", "model")
    path = project / name
    path.write_text(path.read_text() + "# edited\n")
    assert source_digest("mine:network", "model") != before


@pytest.mark.parametrize("name", ["unused.py", "package/unused.py", "alone.py"])
def test_other_files_are_no_part_of_it(project, name):
    before = source_digest("mine:network", "model")
    (project / name).write_text("y = 2\n")
    assert source_digest("mine:network", "model") == before


def test_a_module_that_stands_alone_keeps_the_digest_of_its_file(project):
    """That of every record that was made before: neither libraries nor this project are the user's code."""
    expected = hashlib.sha256((project / "alone.py").read_bytes()).hexdigest()
    assert source_digest("alone:network", "model") == expected


def test_the_place_is_no_part_of_it(project, tmp_path_factory, monkeypatch):
    before = source_digest("mine:network", "model")
    elsewhere = project.rename(tmp_path_factory.mktemp("elsewhere") / "x")
    for name in ("mine", "layers", "package", "package.blocks", "package.norms"):
        del sys.modules[name]
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(sys, "path", [str(elsewhere), *sys.path[1:]])
    assert source_digest("mine:network", "model") == before


def test_a_library_is_its_named_file_alone():
    importlib.import_module("torch.optim.adam")  # torch.optim deletes its attribute adam

    expected = hashlib.sha256(Path(sys.modules["torch.optim.adam"].__file__).read_bytes()).hexdigest()
    assert source_digest("torch.optim.adam:Adam", "optimizer") == expected

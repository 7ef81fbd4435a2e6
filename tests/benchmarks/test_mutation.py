"""The mutation runner: which changes it makes, and where they take effect."""

import ast
import importlib
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.mutation import MODULES, Target, mutants

SOURCE = '''\
"""A module."""
SHARE = 0.25


class Unit:
    size: int = 3


def share_of(values, *, share=SHARE):
    return share * values


def scaled(values, by=2):
    """Docstring."""
    if not values[0] < 3:
        raise ValueError(f"{values[0] - 1} is 3 or more")
    return max(
        SHARE * values[0],
        -by,
    )


from fractions import Fraction

RATIO, CHECKS = Fraction(1, 8), (scaled,)
'''


def test_changes_spare_messages_defaults_and_indices():
    changes = {(mutant.place.split(":")[0], mutant.change, mutant.lines) for mutant in mutants(SOURCE)}
    call = "max(SHARE * values[0], -by)"
    assert changes == {
        ("2", "0.25  ->  0.5", None),
        ("2", "0.25  ->  0.125", None),
        ("10", "share * values  ->  share / values", (10, 10)),
        ("15", "values[0] < 3  ->  values[0] <= 3", (15, 15)),
        ("15", "3  ->  4", (15, 15)),
        ("15", "3  ->  2", (15, 15)),
        ("17", f"{call}  ->  min", (17, 20)),
        ("18", "SHARE * values[0]  ->  SHARE / values[0]", (17, 20)),
        ("19", "-by  ->  by", (17, 20)),
        ("25", "1  ->  2", None),
        ("25", "1  ->  0", None),
        ("25", "8  ->  9", None),
        ("25", "8  ->  7", None),
    }
    assert len({mutant.name for mutant in mutants(SOURCE)}) == len(changes)


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "changed_here.py").write_text(SOURCE)
    (tmp_path / "taken_from_it.py").write_text("from changed_here import *\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("taken_from_it")
    for name in ("changed_here", "taken_from_it"):
        del sys.modules[name]


def test_a_change_reaches_what_was_imported_before(module):
    target, mutant_of = Target("changed_here"), {mutant.change: mutant for mutant in mutants(SOURCE)}
    assert module.scaled([2]) == 0.5
    target.change(mutant_of["-by  ->  by"])
    assert module.scaled([2]) == 2
    target.change(mutant_of["0.25  ->  0.125"])
    assert (module.scaled([2]), module.SHARE, module.share_of(2)) == (0.25, 0.125, 0.25)
    target.change(mutant_of["8  ->  7"])
    ratio, (check,) = module.RATIO, module.CHECKS
    assert ratio == Fraction(1, 7)
    assert check is module.scaled, "checks call what a test patches in the module"


def test_what_is_mutated_is_there():
    for name, (files, _) in MODULES.items():
        ast.parse(Path(f"{name.replace('.', '/')}.py").read_text())
        assert all(Path("tests/theory", file.split("::")[0]).is_file() for file in files)

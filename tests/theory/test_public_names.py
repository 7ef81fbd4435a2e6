"""The package's names are there, though each is imported when it is first asked for."""

import pytest

import theory
from theory.common.lazy_import import lazy_import


@pytest.mark.parametrize("name", theory.__all__)
def test_every_name_leads_somewhere(name):
    assert getattr(theory, name).__module__.startswith("theory.")
    assert name in dir(theory)


def test_no_other_name_does():
    with pytest.raises(AttributeError, match="no attribute 'memorise'"):
        _ = theory.memorise


def test_a_lazy_module_is_imported_at_its_first_use():
    assert lazy_import("math").sqrt(4.0) == 2.0
    absent = lazy_import("no_such_package")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        _ = absent.anything

"""Libraries that take seconds to import are imported where they are used, and by nothing else."""

import pkgutil
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

HEAVY = ("torch", "scipy", "cvxpy", "sklearn", "flint", "matplotlib")
LAZY = (
    *("theory", "theory.complexity", "theory.dynamics", "theory.expressivity", "theory.implicit_bias"),
    *("theory.kernels", "theory.label_noise", "theory.least_squares", "theory.memorisation"),
    *("empirical", "empirical.datasets", "empirical.models", "figures"),
    *("empirical.kernels.features", "empirical.studies.bounds"),
)


def imported(code: str, *arguments: str) -> set[str]:
    """The heavy libraries that a fresh interpreter has imported after this code."""
    code += "\nimport sys\nprint('imported', *[name for name in " + repr(HEAVY) + " if name in sys.modules])\n"
    process = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(process.stdout.splitlines()[-1].split()[1:])


COMMAND = """
import sys
from empirical.run import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--list"],
        ["kernels", "--help"],
        ["plan", "--help"],
        ["diagnose", "--help"],
        ["status", "--help"],
        ["pack", "--help"],
    ],
)
def test_help_and_lists_import_nothing_heavy(arguments):
    assert imported(COMMAND, *arguments) == set()


def test_status_of_trained_runs_imports_nothing_heavy(main_job):
    assert imported(COMMAND, "status", str(main_job)) == set()


@pytest.mark.parametrize(
    ("module", "option"), [("theory.__main__", "--help"), ("theory.__main__", "--list"), ("figures.__main__", "--help")]
)
def test_the_other_commands_tell_of_themselves_without_anything_heavy(module, option):
    assert imported(COMMAND.replace("empirical.run", module), option) == set()


def test_packages_import_nothing_heavy():
    assert imported("import empirical, figures, theory") == set()


def test_training_imports_neither_solver_nor_exact_arithmetic(tmp_path):
    """A trained run and Theorem 1's, recorded; what theory and figures need is imported by the report alone.

    python-flint itself may be there: torch imports sympy, which takes it where it is installed.
    """
    options = ["--tests", "gaussian", "--train-size", "40", "--test-size", "20", "--out", str(tmp_path)]
    code = "import empirical.job\nempirical.job.report_runs = lambda *_: True\n" + COMMAND
    code += "assert not {'theory.expressivity.exact', 'theory.least_squares.exact'} & sys.modules.keys()\n"
    assert imported(code, *options, "--launcher", "none") & {"cvxpy", "matplotlib"} == set()
    assert len(list(tmp_path.glob("*/summary.json"))) == 2


def test_the_main_job_needs_no_scikit_learn():
    assert "sklearn" not in imported("import empirical.job\nfrom empirical.datasets import load_digits\nload_digits()")


def test_without_the_module_resource():
    """It is POSIX's: elsewhere the package imports, and a kernel run leaves its peak memory out."""
    code = (
        "import sys\n"
        "sys.modules['resource'] = None\n"
        "import empirical\n"
        "for name in empirical.__all__: getattr(empirical, name)\n"
        "from empirical.kernels.interpolation import _peak_memory\n"
        "assert _peak_memory() is None\n"
    )
    imported(code)


@pytest.mark.parametrize("name", LAZY)
def test_every_name_of_a_lazy_package_is_there(name):
    package = import_module(name)
    assert sorted(package.__all__) == sorted(set(package.__all__))
    for module in pkgutil.iter_modules(package.__path__, f"{name}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)  # which binds its name, and must not hide a function of that name
    for exported in package.__all__:
        assert not isinstance(getattr(package, exported), ModuleType)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        package.no_such_name  # noqa: B018

"""Training needs no package that only the theory's checks need: a process of a sweep starts without them."""

import subprocess
import sys

import pytest

_CHECKS_ALONE = ("cvxpy", "flint")


@pytest.mark.parametrize("module", ["empirical.training.loop", "empirical.execution.execute"])
def test_training_imports_no_package_of_the_checks(module):
    program = f"import sys, {module}; print([name for name in {_CHECKS_ALONE} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_the_command_line_imports_no_convex_solver():
    program = "import sys, empirical.run; print('cvxpy' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"

"""The comparison with the strongest peers runs, and its peers solve the problem that ours solves."""

import re

import pytest

from benchmarks import strongest_peers

_ROW = re.compile(r"^  (\S.*?)  +\d.* (\S+)$", re.MULTILINE)


def errors(printed: str) -> dict[str, float]:
    """The error by method."""
    return {name.strip(): float(error) for name, error in _ROW.findall(printed)}


@pytest.mark.parametrize(
    ("table", "size", "expected"),
    [
        (strongest_peers.theorem_1, (300,), {"ours", "sort-and-diff"}),
        (strongest_peers.least_squares, (5, 60), {"ours", "torch-sgd", "lsqr", "lsmr"}),
        (
            strongest_peers.kernel_fits,
            (64,),
            {"cholesky", "conjugate-gradients", "lapack-float32", "kernel-ridge-float32", "kernel-ridge"},
        ),
    ],
)
def test_every_peer_solves_the_problem(table, size, expected, capsys):
    table(*size, 2)
    peer_errors = errors(capsys.readouterr().out)
    assert expected <= set(peer_errors)
    assert all(error < 1e-3 for error in peer_errors.values()), peer_errors

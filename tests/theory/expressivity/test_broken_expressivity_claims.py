"""Claims about enclosures and offsets turn when these are broken."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from theory.checks import expressivity as checks
from theory.claims import Verdict


def inward(patch):
    right = checks.enclose

    def wrong(*arguments):
        evidence = right(*arguments)
        return replace(
            evidence, lower=np.nextafter(evidence.upper, np.inf), upper=np.nextafter(evidence.lower, -np.inf)
        )

    patch.setattr(checks, "enclose", wrong)


def one_sided(patch):
    right = checks.enclose

    def wrong(*arguments):
        evidence = right(*arguments)
        return replace(evidence, lower=np.nextafter(np.nextafter(evidence.lower, np.inf), np.inf))

    patch.setattr(checks, "enclose", wrong)


def without_offsets(patch):
    right = checks.exact_relu_interpolant
    patch.setattr(
        checks,
        "exact_relu_interpolant",
        lambda *arguments, **options: replace(right(*arguments, **options), offsets=(0,)),
    )


def half_the_bound(patch):
    right = checks.relu_interpolant

    def wrong(*arguments, **options):
        network = right(*arguments, **options)
        patch.setattr(type(network), "error_bound", lambda self, points, labels, order: 0 * labels)
        return network

    patch.setattr(checks, "relu_interpolant", wrong)


@cache
def intact(name) -> Verdict:
    return next(checked.check for checked in checks.CLAIMS if checked.claim.id == name)(7).verdict


@pytest.mark.parametrize(
    ("name", "mutate"),
    [
        ("theorem-1-interval", inward),
        ("theorem-1-interval", one_sided),
        ("corollary-1", without_offsets),
        ("theorem-1", half_the_bound),
    ],
)
def test_broken_claims_do_not_hold(name, mutate, monkeypatch):
    check = next(checked.check for checked in checks.CLAIMS if checked.claim.id == name)
    assert intact(name) is Verdict.HOLDS
    mutate(monkeypatch)
    assert check(7).verdict is Verdict.DOES_NOT_HOLD

"""Every claim answers whatever metric a record lacks: never with a KeyError, and never with another claim's verdict."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from empirical.claims import (
    bits,
    bounds,
    capacity,
    distance,
    double_descent,
    dynamics,
    interpolants,
    kernels,
    label_noise,
    measures,
    memorisation,
    network_double_descent,
    order,
    pac_bayes,
    regularization,
)
from empirical.claims import randomization_tests as tests
from empirical.claims.claim import RecordClaim, claim
from empirical.claims.result_sets import result_sets
from empirical.claims.verdicts import in_words
from empirical.runs.config import Explicit
from empirical.runs.missing_metric import Metrics, MissingMetricError
from empirical.runs.records import Run
from tests.empirical.claims import test_distance, test_kernels, test_randomization_tests, test_regularization
from tests.empirical.made_up_noise import interpolants as interpolants_run
from tests.empirical.made_up_noise import noise_runs
from tests.empirical.studies import (
    test_bits,
    test_bounds,
    test_capacity,
    test_double_descent,
    test_dynamics,
    test_measures,
    test_memorisation,
    test_network_double_descent,
    test_order,
    test_pac_bayes,
)
from theory.claims import Evidence, Verdict

Results = Callable[[list[Run]], list[Any]]


def _tests_runs() -> list[Run]:
    trained = [test_randomization_tests.run(name, *value) for name, value in test_randomization_tests.AGREEING.items()]
    return [*trained, test_randomization_tests.run("true-labels", 0.1, 0, what=Explicit())]


KINDS: dict[str, tuple[tuple[RecordClaim, ...], Results, list[Run]]] = {
    "randomization tests": (tests.CLAIMS, result_sets, _tests_runs()),
    "regularisation": (
        regularization.CLAIMS,
        lambda runs: [regularization.Rows(runs)],
        test_regularization.every(test_regularization.AGREEING),
    ),
    "kernels": (kernels.CLAIMS, kernels.kernel_results, test_kernels.AGREEING),
    "bounds": (
        bounds.CLAIMS,
        bounds.bounds_results,
        [
            test_bounds.made_up(test, gap, test_bounds.VALUES)
            for test, gap in (("true-labels", 0.1), ("random-labels", 0.9))
        ],
    ),
    "dynamics": (dynamics.CLAIMS, dynamics.dynamics_results, test_dynamics.AGREEING),
    "distance": (distance.CLAIMS, distance.distance_results, test_distance.runs()),
    "label noise": (label_noise.CLAIMS, label_noise.noise_results, noise_runs()),
    "interpolants": (
        interpolants.CLAIMS,
        interpolants.interpolants_results,
        [interpolants_run(level, 0.9 - 0.8 * level) for level in (0.0, 0.5, 1.0)],
    ),
    "double descent": (
        double_descent.CLAIMS,
        double_descent.double_descent_results,
        test_double_descent.AGREEING,
    ),
    "network double descent": (
        network_double_descent.CLAIMS,
        network_double_descent.network_double_descent_results,
        test_network_double_descent.AGREEING,
    ),
    "memorisation": (memorisation.CLAIMS, memorisation.memorisation_results, test_memorisation.AGREEING),
    "measures": (measures.CLAIMS, measures.measures_results, test_measures.AGREEING),
    "bits": (bits.CLAIMS, bits.bits_results, test_bits.AGREEING),
    "order": (order.CLAIMS, order.order_results, test_order.AGREEING),
    "optimised PAC-Bayes bound": (pac_bayes.CLAIMS, pac_bayes.pac_bayes_results, test_pac_bayes.AGREEING),
}


def without(metrics: dict[str, Any], name: str) -> dict[str, Any]:
    """The metrics less one, at whatever depth it stands."""
    return {
        key: without(value, name)
        if isinstance(value, dict)
        else [without(entry, name) if isinstance(entry, dict) else entry for entry in value]
        if isinstance(value, list)
        else value
        for key, value in metrics.items()
        if key != name
    }


def names(metrics: dict[str, Any]) -> set[str]:
    """The names of all metrics, at whatever depth."""
    inner = [entry for value in metrics.values() for entry in (value if isinstance(value, list) else [value])]
    return set(metrics).union(*(names(entry) for entry in inner if isinstance(entry, dict)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_claim_answers_whatever_a_record_lacks(kind):
    claims, results, runs = KINDS[kind]
    lacking = sorted(set().union(*(names(run.summary.metrics) for run in runs)))
    assert len(lacking) >= 3
    for name in lacking:
        poorer = [
            replace(run, summary=replace(run.summary, metrics=without(run.summary.metrics, name))) for run in runs
        ]
        for result_set in results(poorer):
            for checked_claim in claims:
                finding = checked_claim.decide(result_set)
                assert finding.claim.id == checked_claim.id
                if finding.evidence.verdict is Verdict.NOT_DECIDED:
                    assert finding.evidence.command == "" or finding.evidence.command in in_words(finding)
                    assert finding.evidence.reason


def test_capacity_answers():
    for checked_claim in capacity.CLAIMS:
        assert checked_claim.decide(test_capacity.results()).evidence.verdict is Verdict.NOT_DECIDED
    look = test_randomization_tests.run("random-labels", 0.1, 10, experiment="capacity")
    look.summary.metrics["dimension"] = 64
    assert len(capacity.capacity_results([look])) == 1
    for name in ("fitted", "parameters", "dimension"):
        poorer = replace(look, summary=replace(look.summary, metrics=without(look.summary.metrics, name)))
        assert capacity.capacity_results([poorer]) == []


def test_what_is_missing_is_named():
    @claim("C0", "a statement", "a source", command="figure1")
    def made_up(metrics: Metrics) -> Evidence:
        return Evidence(Verdict.HOLDS, str(metrics["outer"]["inner"]), "", "")

    assert made_up.decide(Metrics.of({"outer": {"inner": 3}})).evidence.measured == "3"
    evidence = made_up.decide(Metrics.of({"outer": {}})).evidence
    assert evidence.verdict is Verdict.NOT_DECIDED
    assert "metric inner" in evidence.reason
    assert evidence.command == "python -m empirical.run figure1"
    with pytest.raises(MissingMetricError, match="inner"):
        Metrics.of({"a": [{}]})["a"][0]["inner"]

"""Verdicts on kernel runs: made-up records on either side of every rule."""

from dataclasses import replace

import numpy as np
import pytest

from empirical.claims.kernels import compare_kernels, kernel_results, reference
from empirical.kernels.config import KernelConfig
from empirical.outcome import encode_hits
from empirical.runs.config import KernelRun
from empirical.runs.records import Run
from tests.made_up import made_up_config, made_up_run, outcome
from theory.claims import Verdict


def run(test: str, accuracy: float, norm: float, *, fitted: bool = True, data: str = "digits", **kernel) -> Run:
    config = made_up_config(KernelRun(KernelConfig(**kernel)), test, data=data, crop=None)
    metrics = {"fitted": fitted, "train_accuracy": float(fitted), "norm": norm} | outcome(accuracy)
    return made_up_run(config, metrics)


AGREEING = [
    run("true-labels", 0.90, 10.0),
    run("random-labels", 0.10, 30.0),
    run("true-labels", 0.90, 8.0, ridge=1.0),
    run("true-labels", 0.10, 25.0, interpolant="forced-test-labels"),
    run("true-labels", 0.97, 20.0, features="gabor"),
    run("random-labels", 0.10, 40.0, features="gabor"),
    run("true-labels", 0.90, 21.0, bandwidth=0.4),
]


def verdicts(runs: list[Run]) -> dict[str, Verdict]:
    (results,) = kernel_results(runs)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_kernels(results)}


def test_agreeing_runs_hold():
    of_digits = {claim: verdict for claim, verdict in verdicts(AGREEING).items() if claim != "C26"}
    assert set(of_digits.values()) == {Verdict.HOLDS}


def changed(index: int, **metrics) -> list[Run]:
    runs = list(AGREEING)
    summary = runs[index].summary
    if "test_accuracy" in metrics:
        metrics |= outcome(metrics["test_accuracy"])
    runs[index] = replace(runs[index], summary=replace(summary, metrics=summary.metrics | metrics))
    return runs


@pytest.mark.parametrize(
    ("claim", "index", "metrics", "verdict"),
    [
        ("C25", 0, {"fitted": False}, Verdict.DOES_NOT_HOLD),
        ("C25", 0, {"fitted": False, "converged": False}, Verdict.NOT_DECIDED),
        ("C25", 0, {"converged": False}, Verdict.HOLDS),
        ("kernel-random-labels", 1, {"fitted": False, "converged": False}, Verdict.NOT_DECIDED),
        ("C27", 3, {"fitted": False}, Verdict.DOES_NOT_HOLD),
        ("C27", 3, {"fitted": False, "converged": False}, Verdict.NOT_DECIDED),
        ("C25", 4, {"test_accuracy": 0.11}, Verdict.NOT_DECIDED),
        ("C25", 4, {"test_accuracy": 0.01}, Verdict.DOES_NOT_HOLD),
        ("kernel-random-labels", 1, {"fitted": False}, Verdict.DOES_NOT_HOLD),
        ("kernel-random-labels", 1, {"norm": 9.0}, Verdict.DOES_NOT_HOLD),
        # Certified intervals that overlap say nothing of which norm is larger.
        ("kernel-random-labels", 1, {"norm_lower_bound": 9.0}, Verdict.NOT_DECIDED),
        ("kernel-random-labels", 1, {"norm_lower_bound": 0.0}, Verdict.NOT_DECIDED),
        ("kernel-random-labels", 0, {"distance_bound": 25.0}, Verdict.NOT_DECIDED),
        ("kernel-random-labels", 5, {"test_accuracy": 0.3}, Verdict.DOES_NOT_HOLD),
        ("kernel-random-labels", 5, {"test_accuracy": 0.12}, Verdict.NOT_DECIDED),
        ("C27", 3, {"test_accuracy": 0.19}, Verdict.NOT_DECIDED),
        ("C27", 3, {"test_accuracy": 0.5}, Verdict.DOES_NOT_HOLD),
        ("C27", 3, {"norm": 5.0}, Verdict.DOES_NOT_HOLD),
        ("C27", 3, {"norm": 19.0}, Verdict.NOT_DECIDED),
        ("C27", 3, {"norm": 14.0, "norm_lower_bound": 9.0}, Verdict.NOT_DECIDED),
        ("C28", 6, {"norm": 19.0}, Verdict.NOT_DECIDED),
        ("C28", 6, {"test_accuracy": 0.88}, Verdict.NOT_DECIDED),
        ("C28", 6, {"test_accuracy": 0.99}, Verdict.HOLDS),
    ],
)
def test_disagreeing_runs_do_not(claim, index, metrics, verdict):
    assert verdicts(changed(index, **metrics))[claim] is verdict


@pytest.mark.parametrize(
    ("data", "errors", "expected"),
    [
        ("mnist", 97, Verdict.HOLDS),
        ("mnist", 93, Verdict.HOLDS),
        ("mnist", 88, Verdict.NOT_DECIDED),  # 0.05 points more, which a gain of 0.1 points may give
        ("mnist", 75, Verdict.DOES_NOT_HOLD),  # a fifth of the errors is gone
        ("cifar10", 97, Verdict.NOT_DECIDED),  # the paper says it of MNIST alone
    ],
)
def test_a_ridge_helps_or_does_not(data, errors, expected):
    """93 of 10,000 test images are wrong without a ridge; with it the first so many of the same images are."""

    def of(wrong: int, **kernel) -> Run:
        original = run("true-labels", 0.9, 10.0, data=data, **kernel)
        metrics = original.summary.metrics | {
            "test_accuracy": 1 - wrong / 10_000,
            "test_hits": encode_hits(np.arange(10_000) >= wrong),
        }
        return replace(
            original,
            config=replace(original.config, n_test=10_000),
            summary=replace(original.summary, metrics=metrics),
        )

    assert verdicts([of(93), of(errors, ridge=1.0)])["C26"] is expected


def test_an_interpolant_of_two_classes_that_is_nearly_right_generalises():
    """Twice the accuracy of guessing would be no limit: 100%."""
    runs = [
        replace(run, config=replace(run.config, num_classes=2))
        for run in (AGREEING[0], changed(3, test_accuracy=0.8)[3])
    ]
    assert verdicts(runs)["C27"] is Verdict.DOES_NOT_HOLD


def test_missing_runs_decide_nothing():
    assert verdicts(AGREEING[:1]) == {
        "C25": Verdict.HOLDS,
        "kernel-random-labels": Verdict.NOT_DECIDED,
        "C26": Verdict.NOT_DECIDED,
        "C27": Verdict.NOT_DECIDED,
        "C28": Verdict.NOT_DECIDED,
    }


def test_other_features_with_a_larger_norm_decide_on_mnist_alone():
    """Elsewhere any order of norms can be had by the bandwidth, which the paper does not state."""
    for data, expected in (("mnist", Verdict.HOLDS), ("cifar10", Verdict.NOT_DECIDED)):
        pixels = run("true-labels", 0.90, 220.0, data=data)
        assert verdicts([pixels, run("true-labels", 0.97, 390.0, data=data, features="gabor")])["C28"] is expected
    pixels = run("true-labels", 0.90, 220.0, data="mnist")
    smaller = run("true-labels", 0.97, 100.0, data="mnist", features="gabor")
    assert verdicts([pixels, smaller])["C28"] is Verdict.NOT_DECIDED


def test_a_norm_that_orders_all_errors_contradicts_where_no_pair_shows_the_claim():
    """Five in order by chance: 1 of 120. On another data set the paper's own pair is none."""
    kernels = [
        run("true-labels", accuracy, norm, data="mnist", bandwidth=bandwidth, features=features)
        for features, bandwidth, norm, accuracy in [
            ("gabor", 0.2, 90.0, 0.99),
            ("pixels", 0.8, 100.0, 0.98),
            ("pixels", 0.4, 140.0, 0.97),
            ("pixels", 0.2, 150.0, 0.96),
            ("pixels", 0.1, 230.0, 0.94),
        ]
    ]
    assert verdicts(kernels)["C28"] is Verdict.DOES_NOT_HOLD
    assert verdicts(kernels[1:])["C28"] is Verdict.NOT_DECIDED
    larger = run("true-labels", 0.98, 231.0, data="mnist", bandwidth=0.05)
    assert verdicts([*kernels, larger])["C28"] is Verdict.HOLDS, "one pair decides"


def test_the_papers_numbers_stand_beside_their_own_setting_only():
    assert (
        reference(run("true-labels", 0.5, 1.0, data="cifar10"))
        == "46.0% (Gaussian kernel on pixels, all 50,000 images)"
    )
    assert "32,000" in reference(run("true-labels", 0.5, 1.0, data="cifar10", features="random-convolution-64"))
    assert reference(run("true-labels", 0.5, 1.0, data="mnist", features="gabor")).startswith("0.6%")
    assert reference(run("random-labels", 0.5, 1.0, data="cifar10")) == ""
    assert reference(run("true-labels", 0.5, 1.0)) == ""


def test_sets_share_images_and_seed():
    reseeded = replace(AGREEING[0], config=replace(AGREEING[0].config, seed=1))
    assert [len(results.runs) for results in kernel_results([*AGREEING, reseeded])] == [7, 1]
    (results,) = kernel_results(AGREEING)
    (bandwidth,) = {kernel for kernel, _ in results.series()} - {"gaussian"}
    assert list(results.series()) == [("gaussian", "gabor"), ("gaussian", "pixels"), (bandwidth, "pixels")]
    assert [run.config.randomization.corruption for run in results.series()["gaussian", "pixels"]] == [0.0, 1.0]


def test_kernels_of_other_bandwidths_are_not_mixed():
    narrower = [run("true-labels", 0.5, 99.0, bandwidth=0.1), run("random-labels", 0.1, 20.0, bandwidth=0.1)]
    (results,) = kernel_results([*AGREEING, *narrower])
    assert len(results.series()) == 4
    assert verdicts([*AGREEING, *narrower])["kernel-random-labels"] is Verdict.DOES_NOT_HOLD
    (linear,) = kernel_results([run("true-labels", 0.5, 1.0, data="cifar10", kernel="linear")])
    assert reference(linear.runs[0]) == ""

"""An optimised PAC-Bayes bound: whether it tells true from random labels, from records alone."""

import math
from dataclasses import dataclass, replace

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.results import Results
from empirical.claims.significance import SIZE
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Randomization
from empirical.runs.records import Run
from empirical.runs.studies import PacBayesConfig
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict
from theory.complexity import lower_inverse, upper_inverse

_DZIUGAITE_ROY = "Dziugaite, Roy 2017, table 1"
_COMMAND = "pac-bayes"
_FIGURE = "A bound that tells"
_COIN = 0.5  # on random labels every classifier of two classes has this error


@dataclass(frozen=True, eq=False)
class PacBayesResults(Results):
    """Runs on the same images with the same network and seed, by labels.

    Attributes:
        runs: the runs, true labels first.
    """

    @property
    def images(self) -> str:
        """The images, for captions."""
        config, threshold = self.config, self.config.study_of(PacBayesConfig).threshold
        return (
            f"{config.data}, classes 0 to {threshold - 1} against the others; {config.n_train:,} training and "
            f"{config.n_test:,} test images"
        )

    @property
    def setting(self) -> str:
        """The network, for captions."""
        return self.config.model

    def number(self, test: Randomization, name: str) -> float:
        """A number of the record of this test, which must be there."""
        run = self.on(test)
        assert run is not None, "the claims ask for the run first"
        return float(run.summary.metrics[name])


def pac_bayes_results(runs: list[Run]) -> list[PacBayesResults]:
    """Sort runs of the kind `pac-bayes` into sets that differ in their labels alone."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if isinstance(run.config.study, PacBayesConfig):
            clean = replace(run.config, randomization=run.config.randomization.with_clean_labels)
            groups.setdefault(clean.hash, []).append(run)
    sets = [
        PacBayesResults(group[0].config, tuple(sorted(group, key=lambda run: run.config.randomization.order)))
        for group in groups.values()
    ]
    return sorted(
        sets,
        key=lambda results: (results.config.data, results.config.n_train, results.config.model, results.config.seed),
    )


def compare_pac_bayes(results: PacBayesResults) -> list[Finding]:
    """What the runs say of the claims that they bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def pac_bayes_table(results: PacBayesResults) -> TextTable:
    """A row for each run."""
    rows = []
    for run in results.runs:
        metrics = run.summary.metrics
        rows.append(
            (
                run.config.randomization.name,
                *(f"{100 * metrics[name]:.2f}" for name in ("train_error", "test_error")),
                *(f"{100 * metrics[name]:.2f}" for name in ("stochastic_train_error", "stochastic_test_error")),
                f"{metrics['divergence']:,.0f}",
                f"{metrics['divergence'] / run.config.n_train:.3f}",
                f"{metrics['prior_index']:,}",
                f"{metrics['bound']:.3f}",
                f"{metrics['square_root_bound']:.3f}",
            )
        )
    study = results.config.study_of(PacBayesConfig)
    sure = 1 - study.failure_probability - study.sampling_failure_probability
    return TextTable(
        f"Optimised PAC-Bayes bound: {results.scale}",
        (
            "labels",
            "network, train error (%)",
            "test error (%)",
            "stochastic network, train error (%)",
            "test error (%)",
            "KL (nats)",
            "KL / n",
            "prior j",
            "bound",
            "square-root form",
        ),
        tuple(rows),
        "Network: as it was trained. Stochastic network: Gaussian weights around the posterior's means. Bound: on its "
        f"error, with probability {sure:.1%}, kl inverted; guessing is at {_COIN}. Test labels are true ones. "
        "Square-root form: the same by Pinsker's inequality, which may exceed 1.",
    )


@claim(
    "pac-bayes-1",
    "On true labels the optimised bound is below the error of guessing: it certifies that something was learnt.",
    _DZIUGAITE_ROY,
    paper="MNIST, 600 hidden units: a bound of 0.161, where the stochastic network's test error is 0.034",
    figure=_FIGURE,
    command=_COMMAND,
)
def _certifies(results: PacBayesResults) -> Evidence:
    if not results.on(TRUE_LABELS):
        return missing("a run on true labels")
    bound, guessing = (results.number(TRUE_LABELS, name) for name in ("bound", "guessing"))
    return Evidence(
        Verdict.HOLDS if bound < guessing else Verdict.NOT_DECIDED,
        f"bound {bound:.3f} on a test error of {results.number(TRUE_LABELS, 'stochastic_test_error'):.3f}; the best "
        f"constant answer has an error of {guessing:.3f} on the test images",
        "below the error of the best constant answer; a larger bound says nothing, since more steps may lower it",
        _sure(results),
    )


@claim(
    "pac-bayes-2",
    "On random labels the same procedure ends with a bound of one half or more: the bound tells true from random "
    "labels.",
    _DZIUGAITE_ROY,
    paper="MNIST, 600 hidden units: 0.161 on true labels, 1.352 on random ones",
    figure=_FIGURE,
    command=_COMMAND,
)
def _tells(results: PacBayesResults) -> Evidence:
    if not (results.on(TRUE_LABELS) and results.on(RANDOM_LABELS)):
        return missing("runs on true and on random labels")
    true, random = (results.number(test, "bound") for test in (TRUE_LABELS, RANDOM_LABELS))
    guessing, square_root = (
        results.number(TRUE_LABELS, "guessing"),
        results.number(RANDOM_LABELS, "square_root_bound"),
    )
    certified = true < guessing
    tells = Verdict.HOLDS if random >= _COIN else Verdict.DOES_NOT_HOLD
    return Evidence(
        tells if certified else Verdict.NOT_DECIDED,
        f"bound {true:.3f} on true and {random:.3f} on random labels (square-root form {square_root:.3f}); the network "
        f"that is trained misses {results.number(RANDOM_LABELS, 'train_error'):.1%} of the random labels",
        f"at least {_COIN} on random labels, where that on true ones is below the best constant answer",
        "C22 calls a bound telling by the same rule; on random labels the optimisation may return to the prior, and a "
        "bound just above one half says as little as one near 1; " + _sure(results),
    )


@claim(
    "pac-bayes-3",
    "The stochastic network's error on new images is below its bound.",
    "Maurer 2004, theorem 5; Dziugaite, Roy 2017",
    paper="0.034, below 0.161",
    figure=_FIGURE,
    command=_COMMAND,
)
def _is_true(results: PacBayesResults) -> Evidence:
    if not results.on(TRUE_LABELS):
        return missing("a run on true labels")
    m = results.config.n_test
    error, bound = (results.number(TRUE_LABELS, name) for name in ("stochastic_test_error", "bound"))
    low, high = (inverse(error, math.log(1 / SIZE) / m) for inverse in (lower_inverse, upper_inverse))
    decided = Verdict.HOLDS if high <= bound else Verdict.DOES_NOT_HOLD if low > bound else Verdict.NOT_DECIDED
    return Evidence(
        decided,
        f"test error {error:.4f}, limits {low:.4f} and {high:.4f}, each true but for {SIZE:.0%}; bound {bound:.4f}",
        "the upper limit is not above the bound; it does not hold if the lower limit is",
        f"Hoeffding's inequality in its kl form, for the mean over {m:,} test images; on random labels every error is "
        "one half, and pac-bayes-2 asks for that",
    )


CLAIMS = (_certifies, _tells, _is_true)
"""The claims, in the order of the report."""


def _sure(results: PacBayesResults) -> str:
    study = results.config.study_of(PacBayesConfig)
    sure = 1 - study.failure_probability - study.sampling_failure_probability
    return (
        f"the bound holds with probability {sure:.1%} over training images that are drawn independently and over the "
        "answers drawn, whatever the optimisation did; it is about the stochastic network"
    )

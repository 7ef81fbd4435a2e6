"""Bounds on a network trained on true and on random labels (Zhang et al. 2017, section 2.2): from records alone."""

import math
from dataclasses import MISSING, dataclass, fields

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.fitting import FITS, not_fitted, stopped_early
from empirical.claims.results import Results
from empirical.claims.training_in_words import trained_network_in_words
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from empirical.runs.records import Run
from empirical.studies.bounds import EvaluatedBound
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict

ABOUT_ONE = 0.9
"""The least complexity, of at most 1, that counts as `close to 1`: our reading, since the paper gives no number."""

_FAMILIES = ("VC", "norm", "stability")


@dataclass(frozen=True, eq=False)
class BoundsResults(Results):
    """Bounds runs that share data, network, hyper-parameters, seed and what was measured.

    Attributes:
        runs: the runs, true labels first.
    """

    @property
    def setting(self) -> str:
        """The network, for captions."""
        return trained_network_in_words(self.config)

    @property
    def guessing(self) -> float:
        """Error of guessing, 1 - 1/k."""
        return 1 - 1 / self.config.num_classes

    def pairs(self) -> list[tuple[EvaluatedBound | None, EvaluatedBound | None]]:
        """Every bound on true and on random labels; None where that run is missing."""
        true, random = (bounds_of(run) if (run := self.on(test)) else {} for test in (TRUE_LABELS, RANDOM_LABELS))
        return [(true.get(name), random.get(name)) for name in dict.fromkeys([*true, *random])]


def bounds_results(runs: list[Run]) -> list[BoundsResults]:
    """Sort bounds runs into sets that differ in their labels or pixels alone."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        config = run.config
        if config.kind == "bounds":
            network = config.model, config.model_source, config.optimizer_source, config.training, config.crop
            images = config.train_digest, config.test_digest
            key = config.experiment, *network, *images, config.device, config.seed, config.study
            groups.setdefault(key, []).append(run)

    sets = [
        BoundsResults(group[0].config, tuple(sorted(group, key=lambda run: run.config.randomization.order)))
        for group in groups.values()
    ]
    return sorted(
        sets,
        key=lambda results: (results.config.data, results.config.n_train, results.config.model, results.config.seed),
    )


def bounds_of(run: Run) -> dict[str, EvaluatedBound]:
    """A run's bounds by name, those that do not cover its network among them."""
    required = [field.name for field in fields(EvaluatedBound) if field.default is MISSING]
    bounds = {}
    for entry in run.summary.metrics["bounds"]:
        stated = {name: entry[name] for name in required}  # names the one that is missing
        bounds[stated["name"]] = EvaluatedBound(**(entry | stated))
    return bounds


def certifies(bound: EvaluatedBound) -> bool:
    """Whether a bound shows that something was learnt: it is below the error of guessing."""
    return bound.value is not None and bound.guessing is not None and bound.value < bound.guessing


def tells(true: EvaluatedBound, random: EvaluatedBound) -> bool:
    """Whether a bound tells true labels from random ones: it certifies that the true labels were learnt, and is smaller
    on them than on random ones.

    A bound that certifies nothing allows either network any test error; a bound that is no smaller on true labels gives
    no reason why these are learnt.
    """
    return certifies(true) and _or_infinite(true.value) < _or_infinite(random.value)


def compare_bounds(results: BoundsResults) -> list[Finding]:
    """The paper's claims that bounds runs bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def bounds_table(results: BoundsResults) -> TextTable:
    """Each bound on true and on random labels, beside the gap that was measured."""
    notes, rows = [], []
    for true, random in results.pairs():
        pair = [bound for bound in (true, random) if bound is not None]
        note = next((bound.note for bound in pair if bound.note), "")
        if note:
            notes.append(f"{pair[0].name}: {note}.")
        rows.append(
            (
                pair[0].name + ("*" if note else ""),
                *(_value(bound) for bound in (true, random)),
                *(_gap(bound) for bound in (true, random)),
                _says(pair),
            )
        )
    legend = (
        "A bound on the test error, or on test less training loss (stability). Gap: test less training error, or loss, "
        "of the function that the bound speaks of. Vacuous: no less than the largest error possible, or, for a loss, "
        "than that of guessing; above guessing: less than that, but no less than the error of guessing, "
        f"{results.guessing:.0%}."
    )
    return TextTable(
        f"Bounds: {results.scale}",
        ("bound", "true labels", "random labels", "gap, true", "gap, random", "vacuous"),
        tuple(rows),
        " ".join([legend, *(f"* {note}" for note in notes)]),
    )


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def _value(bound: EvaluatedBound | None) -> str:
    if bound is None or bound.vacuous is None:
        return "-"
    return "overflows" if bound.value is None else number(bound.value)


def number(value: float) -> str:
    """The value to three digits; just below 1, its distance from 1."""
    return f"1 - {1 - value:.0e}" if 0.9995 <= value < 1 else f"{value:.3g}"


def _gap(bound: EvaluatedBound | None) -> str:
    return "-" if bound is None or bound.gap is None else f"{bound.gap:.3g}"


def _says(bounds: list[EvaluatedBound]) -> str:
    """One word where all bounds agree, and a word for each of them where they differ."""
    words = [
        "not covered"
        if bound.vacuous is None
        else "vacuous"
        if bound.vacuous
        else "no"
        if certifies(bound)
        else "above guessing"
        for bound in bounds
    ]
    return " / ".join(dict.fromkeys(words))


@claim(
    "C21",
    "The Rademacher complexity of the trained classes is about 1.",
    "section 2.2",
    related=("rademacher-theorem-1", "rademacher-linear"),
    decided_by="random signs fitted by training",
    command="bounds",
)
def _complexity_about_one(results: BoundsResults) -> Evidence:
    complexities = {
        run.config.randomization: run.summary.metrics["rademacher"]
        for run in results.runs
        if "rademacher" in run.summary.metrics
    }
    if not complexities:
        return missing("a bounds run with random signs to fit")
    lowest = min(measured["lower"] for measured in complexities.values())
    # The labels do not enter: runs on the same images have the same numbers.
    parts = dict.fromkeys(
        f"mean correlation {measured['value']:.4f} over {measured['sign_vectors']} sign vectors of "
        f"{measured['images']:,} images: complexity at least {measured['lower']:.3f}"
        for measured in complexities.values()
    )
    probability = max(measured["failure_probability"] for measured in complexities.values())
    return Evidence(
        Verdict.HOLDS if lowest >= ABOUT_ONE else Verdict.NOT_DECIDED,
        "; ".join(parts),
        f"at least {ABOUT_ONE}, and 1 at most",
        "the network with two outputs, trained on random signs with the run's hyper-parameters, is one of the class; "
        f"McDiarmid's inequality, size {probability:.0%}; a lower bound: longer training may fit more",
    )


@claim(
    "C22",
    "VC, norm and stability bounds do not tell true from random labels.",
    "section 2.2",
    figure="Bounds on true and on random labels",
    related=("vc-bounds", "rademacher-frobenius", "spectral-perturbation", "stability-convex"),
    decided_by="bounds on networks trained on both",
    command="bounds",
)
def _bounds_do_not_tell(results: BoundsResults) -> Evidence:
    true_labels, random_labels = results.on(TRUE_LABELS), results.on(RANDOM_LABELS)
    if true_labels is None or random_labels is None:
        return missing("bounds runs on true and on random labels")
    pair = [true_labels, random_labels]
    if any(stopped_early(run.config) and run.summary.metrics["train_error"] > 1 - FITS for run in pair):
        return not_fitted()
    gaps = [run.summary.metrics["gap"] for run in pair]
    if not gaps[0] < gaps[1]:
        return missing("networks of which the one on true labels has the smaller gap")
    pairs = [
        (true, random)
        for true, random in results.pairs()
        if true and random and true.vacuous is not None and random.vacuous is not None
    ]
    decisive = [pair for pair in pairs if pair[0].family in _FAMILIES]
    telling = [true.name for true, random in decisive if tells(true, random)]
    absent = [family for family in _FAMILIES if all(true.family != family for true, _ in decisive)]
    larger = [true for true, random in pairs if _or_infinite(true.value) < _or_infinite(random.value)]
    additions = [true.name for true, random in pairs if true.family not in _FAMILIES and tells(true, random)]
    return Evidence(
        Verdict.DOES_NOT_HOLD if telling else Verdict.NOT_DECIDED if absent else Verdict.HOLDS,
        f"gap {gaps[0]:.3f} on true, {gaps[1]:.3f} on random labels; bounds "
        + "; ".join(f"{true.name}: {_value(true)} and {_value(random)}" for true, random in pairs)
        + f"; larger on random labels: {len(larger)} of {len(pairs)}"
        + (f"; telling: {'; '.join([*telling, *additions])}" if telling or additions else "")
        + (f"; no bound of the kind {', '.join(absent)} covers the network" if absent else ""),
        "none is below guessing on true labels and larger on random ones",
        "a bound tells true from random labels if it certifies that true labels were learnt, and is smaller on them; "
        "the order of bounds "
        "above guessing is reported and decides nothing: they allow any error on both; the other bounds stand beside",
    )


CLAIMS = (
    _complexity_about_one,
    _bounds_do_not_tell,
)
"""The claims of this module, in the order of the report."""

"""What regularisation does and does not: the paper's claims C11 to C17, decided from the rows of its tables.

Weight decay counts only where it does something: where its total over the run is at least that of the paper's schedule.
Networks are compared by differences paired by seed, at least three of them, which speak of other seeds too; C17, whose
difference is large, on the test images that they share.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import numpy.typing as npt

from empirical.claims import paper_words as words
from empirical.claims.chance import above_chance_p_values
from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.fitting import FITS, first_fit, fit_verdict, fits, not_fitted, unfinished
from empirical.claims.hits import EPOCH_HITS, NEWER_RECORDS, hits_by_epoch, hits_on_test, hits_recorded
from empirical.claims.paper import NONE, Regularisers
from empirical.claims.paper_tables import TableRow, table_1, table_4
from empirical.claims.significance import (
    MIN_SEEDS,
    SIZE,
    gain_p_value,
    positive_mean_p_value,
    seeds_interval,
    seeds_p_value,
    split_half_gains,
    tested,
    tested_at_every,
)
from empirical.models import default_learning_rate
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Randomization
from empirical.runs.records import Run
from empirical.training.config import TrainingConfig
from empirical.training.schedule import CIFAR_10, IMAGENET, PAPER_IMAGES, decay_of, papers_total_decay, total_decay
from theory.claims import Evidence, Finding, Verdict, worst_verdict

DECAY: Regularisers = ("none", True)
CROP: Regularisers = ("crop", False)

LITTLE = 0.01
"""The gain up to which early stopping `does not help`: our reading, since the paper gives no number."""

_BEYOND = 5
"""How many times as long as it takes to fit its labels a network is trained before its last epoch is called late."""

_GAIN, _ABOUT = (0.03, 0.04), 0.01
"""The gain of batch normalisation that the paper states, and how near to it an interval must stay: our reading."""

_TOO_STRONG = 10
_NO_STRONGER = f"weight decay whose total is at most {_TOO_STRONG} times that of the paper's schedule"
"""Total weight decay above this multiple of the paper's is another regulariser than the paper's: our reading."""

_SEEDS = "0 1 2"


class Rows:
    """The rows of tables 1 and 4 that were run, by network, test, regularisers and dropout.

    Where weight decay was run in several strengths, or for several lengths, a row is that of the least strength, and
    then of the least length, that is at least the paper's in all (`decays_enough`), or of the greatest.
    """

    def __init__(self, runs: list[Run]):
        samples: dict[tuple[str, Randomization, Regularisers, float], list[TableRow]] = {}
        decays = sorted({_decay_of(run) for run in runs if _strength(run)})
        for decay in decays or [(0.0, 0)]:
            some = [run for run in runs if not _strength(run) or _decay_of(run) == decay]
            for row in (*table_1(some), *table_4(some)):
                if row.runs:
                    samples.setdefault((row.model, row.test, row.regularisers, row.dropout), []).append(row)
        self._samples = samples
        self._runs = runs

    def of(self, test: Randomization, regularisers: Regularisers) -> dict[str, TableRow]:
        """The rows of a test and its regularisers, without dropout, by network."""
        return {
            model: _chosen(rows) for (model, *key), rows in self._samples.items() if key == [test, regularisers, 0.0]
        }

    def decayed(self, test: Randomization) -> dict[str, list[TableRow]]:
        """The rows of a test with weight decay alone, in every strength that was run, rising, by network."""
        return {model: rows for (model, *key), rows in self._samples.items() if key == [test, DECAY, 0.0]}

    def trained_on(self) -> dict[str, TableRow]:
        """Rows on true labels without regularisers, of runs that went on long after they fitted, by network."""
        return {
            row.model: row
            for row in table_1([run for run in self._runs if _trained_on(run)])
            if row.runs and (row.test, row.regularisers, row.dropout) == (TRUE_LABELS, NONE, 0.0)
        }

    def regularised(self, test: Randomization) -> list[TableRow]:
        """The rows of a test with any regulariser."""
        return [
            _chosen(rows)
            for (_, of, *regularisers), rows in self._samples.items()
            if of == test and regularisers != [NONE, 0.0]
        ]


def _chosen(rows: Sequence[TableRow]) -> TableRow:
    """The first row that decays enough, or the last, from rows by rising strength of weight decay."""
    return next((row for row in rows[:-1] if decays_enough(row)), rows[-1])


def decay_and_papers(row: TableRow) -> tuple[float, float]:
    """The least total weight decay of a row's runs, and the total of the paper's schedule (`schedule.total_decay`)."""
    training = row.runs[0].config.training
    assert training is not None, "a row is of trained runs"
    rate = training.step_size if ":" in row.model else default_learning_rate(row.model)
    schedule = IMAGENET if decay_of(training) == IMAGENET.decay else CIFAR_10
    return min(total_decay(training, run.summary.metrics["step"]) for run in row.runs), papers_total_decay(
        rate, schedule
    )


def decays_enough(row: TableRow) -> bool:
    """Whether a row's weight decay shrinks the weights, over the whole run, by at least what the paper's would."""
    total, papers = decay_and_papers(row)
    return total >= papers


def decays_too_much(row: TableRow) -> bool:
    """Whether a row's weight decay shrinks the weights by more than ten times what the paper's would: a network that is
    kept from fitting by such a decay says nothing of the paper's."""
    total, papers = decay_and_papers(row)
    return total > _TOO_STRONG * papers


def _regularises(row: TableRow) -> bool:
    """Whether a row has augmentation or dropout, or a weight decay that decays enough."""
    return row.regularisers[0] != "none" or row.dropout > 0 or decays_enough(row)


def _trained_on(run: Run) -> bool:
    """Whether a run went on for long after it fitted its labels, or to the end of the paper's schedule."""
    fit = first_fit(run) if run.config.training else None
    return fit is not None and run.summary.metrics["step"] >= min(_BEYOND * fit.step, CIFAR_10.max_steps)


def _at_papers_size(row: TableRow, verdict: Verdict) -> Verdict:
    """The verdict, where the row is of as many images as the paper's. On fewer nothing is decided: they are easier to
    fit, and gains on them are others."""
    return verdict if row.runs[0].config.n_train >= PAPER_IMAGES else Verdict.NOT_DECIDED


def _strength(run: Run) -> float:
    return run.config.training.weight_decay if run.config.training else 0.0


def _decay_of(run: Run) -> tuple[float, int]:
    """The strength of a run's weight decay, and the steps that it trains for at least."""
    return _strength(run), run.config.hyper_parameters.min_steps


def _too_weak(rows: Sequence[TableRow], experiment: str) -> Evidence:
    """The evidence where weight decay does too little to decide on it, and the strength that would do enough."""
    row = rows[0]
    total, papers = decay_and_papers(row)
    stronger = _strength(row.runs[0]) * papers / total if total else CIFAR_10.weight_decay
    exponent = math.floor(math.log10(stronger))
    rounded = math.ceil(stronger / 10**exponent) * 10**exponent
    return Evidence(
        Verdict.NOT_DECIDED,
        "total weight decay, the paper's in brackets: "
        + "; ".join(
            f"{table_row.model} {{:.2g}} ({{:.2g}})".format(*decay_and_papers(table_row)) for table_row in rows
        ),
        "at least that of the paper's schedule",
        "coefficient times the sum of step sizes / (1 - momentum): weaker regularisers change next to nothing",
        f"python -m empirical.run {experiment} --model {row.model} --training.weight-decay {rounded:.0e}",
    )


def compare_regularizers(runs: list[Run]) -> list[Finding]:
    """C11 to C17 from runs on equally many images of a data set (`paper_tables.sizes`); those without the runs that
    would decide them say so.
    """
    rows = Rows(runs)
    return decide_all(CLAIMS, rows)


@claim(
    "C11",
    "Explicit regularisation is not necessary: without it networks generalise.",
    "section 3, table 1",
    paper=f"test accuracy without any: {words.NO_REGULARISER}",
    decided_by="runs on true labels with and without regularisers, several seeds",
    command="table1",
)
def _not_necessary(rows: Rows) -> Evidence:
    networks = rows.of(TRUE_LABELS, NONE)
    if not networks:
        return missing("runs on true labels without regularisers")
    runs = [run for row in networks.values() for run in row.runs]
    if any(unfinished(run) for run in runs):
        return not_fitted()
    tests = [above_chance_p_values(run) for run in runs]
    return Evidence(
        tested_at_every([above for above, _ in tests], [below for _, below in tests], SIZE),
        "; ".join(f"{model}: test {row.test_accuracy}%" for model, row in networks.items()),
        f"test accuracy of every network above guessing, p-values below {SIZE}",
        f"exact binomial tests against the majority class, one-sided, each of size {SIZE:.0%}: an intersection-union "
        "test; of networks that fit, or were trained as long as the paper's schedule goes",
    )


@claim(
    "C12",
    "Explicit regularisation is not sufficient for generalisation: regularised networks still fit random labels.",
    "section 3, tables 2 and 4",
    paper=f"train accuracy with weight decay: {words.WEIGHT_DECAY}",
    decided_by="runs on random labels with regularisers as strong as the paper's",
    command="table4",
)
def _not_sufficient(rows: Rows) -> Evidence:
    table_rows = [row for row in rows.regularised(RANDOM_LABELS) if (row.model, row.regularisers) != ("alexnet", DECAY)]
    if not table_rows:
        return missing("runs on random labels with regularisers")
    telling = [row for row in table_rows if _regularises(row)]
    if not telling:
        return _too_weak(table_rows, "table4")
    plain = rows.of(RANDOM_LABELS, NONE)
    missing_labels = [row for row in telling if not _all_fit([row])]
    if any(row.model not in plain or not _alike(row, plain[row.model]) for row in missing_labels):
        return missing("the same networks without regularisers: some miss labels")
    telling = [row for row in telling if row not in missing_labels or _all_fit([plain[row.model]])]
    if not telling:
        return missing("regularisers of a network that fits random labels without them")
    return Evidence(
        fit_verdict([run for row in telling for run in row.runs]),
        "; ".join(f"{row.model}, {row.regularisers_in_words}: train {row.train}%" for row in telling),
        f"at least {FITS:.0%}"
        + "".join(f"; {row.model}, the paper: {row.paper_train}%" for row in telling if row.paper_train),
        "training labels, as stored, reproduced by the fixed network; of weight decay only where its total is at least "
        "that of the paper's schedule; a network that misses labels counts where it fits them without regularisers; "
        "AlexNet with weight decay is claim C13",
    )


@claim(
    "C13",
    "AlexNet with weight decay does not fit random labels.",
    "section 3, table 4",
    paper="failed to converge",
    decided_by="AlexNet on random labels with weight decay as strong as the paper's",
    command="randomization-tests --data cifar10 --model alexnet --tests random-labels "
    "--training.weight-decay 1e-4 --training.min-steps 25000",
)
def _alexnet_with_decay(rows: Rows) -> Evidence:
    decayed, plain = rows.of(RANDOM_LABELS, DECAY).get("alexnet"), rows.of(RANDOM_LABELS, NONE).get("alexnet")
    if decayed is None or plain is None or not _all_fit([plain]) or not _alike(decayed, plain):
        return missing("alexnet on random labels with weight decay, and without, where it fits")
    if not decays_enough(decayed):
        return replace(_too_weak([decayed], "table4 --scale paper"), command="")  # the claim's own trains for longer
    fitted = any(fits(run) for run in decayed.runs)
    if not fitted and decays_too_much(decayed):
        return missing(_NO_STRONGER)
    if any(unfinished(run) for run in decayed.runs):
        return not_fitted()
    steps, needed = (" ".join(f"{run.summary.metrics['step']:,}" for run in row.runs) for row in (decayed, plain))
    return Evidence(
        _at_papers_size(decayed, Verdict.DOES_NOT_HOLD) if fitted else Verdict.HOLDS,
        f"train {decayed.train}% with weight decay {_strength(decayed.runs[0]):g} after {steps} steps, by seed, "
        f"{plain.train}% without after {needed}",
        f"no label set fitted to {FITS:.0%} by the end of the paper's schedule; a network that fits contradicts on "
        f"{PAPER_IMAGES:,} images, fewer are easier to fit",
        "our reading of `does not fit`; the paper does not state the strength of its weight decay; this one's total is "
        "{:.2g}, at least that of the paper's schedule with the authors' release's coefficient, {:.2g}".format(
            *decay_and_papers(decayed)
        ),
    )


@claim(
    "C14",
    "Augmentation helps more than weight decay.",
    "section 3, table 1",
    paper=words.AUGMENTATION,
    decided_by="runs on true labels with crops and with weight decay, at least three seeds",
    command="table1 --seed 0 1 2",
)
def _augmentation_against_decay(rows: Rows) -> Evidence:
    cropped = rows.of(TRUE_LABELS, CROP)
    pairs = [
        (cropped[model], decayed)
        for model, strengths in rows.decayed(TRUE_LABELS).items()
        for decayed in strengths
        if model in cropped and _alike(cropped[model], decayed)
    ]
    if not pairs:
        return missing("runs on true labels with random crops and with weight decay")
    if not _all_fit([row for pair in pairs for row in pair]):
        return not_fitted()
    enough = [pair for pair in pairs if decays_enough(pair[1])]
    if not enough:
        return _too_weak([decayed for _, decayed in pairs], f"table1 --seed {_SEEDS}")
    strong = [pair for pair in enough if not decays_too_much(pair[1])]
    if not strong:
        return missing(_NO_STRONGER)
    seen = [(crop, decay, _by_seed(crop, decay)) for crop, decay in strong]
    seen = [pair for pair in seen if len(pair[2]) >= MIN_SEEDS]
    if not seen:
        return missing(f"{MIN_SEEDS} seeds of a network with crops and with weight decay")
    p_values = [seeds_p_value(differences) for *_, differences in seen]
    opposite = [seeds_p_value([-difference for difference in differences]) for *_, differences in seen]
    return Evidence(
        tested_at_every(p_values, opposite, SIZE),
        "; ".join(
            f"{crop.model}: crop {crop.test_accuracy}%, weight decay {_strength(decay.runs[0]):g} "
            f"{decay.test_accuracy}%, {len(differences)} seeds, p-value {p_value:.1g}"
            for (crop, decay, differences), p_value in zip(seen, p_values, strict=True)
        ),
        f"crop better for every network and every strength that decays enough, and at most {_TOO_STRONG} "
        f"times the paper's in all, p-values below {SIZE}",
        f"Student's t of differences paired by seed, one-sided, each of size {SIZE:.0%}: an intersection-union test; "
        "each run ends when it fits, with crops later: part of what crops gain is longer training",
    )


@claim(
    "C15",
    "Early stopping does not help on CIFAR-10.",
    "section 3.1",
    paper=words.EARLY_STOPPING,
    figure="Figure 2: accuracy along training",
    decided_by="runs on true labels that go on long after they fit",
    command="--data cifar10 --tests true-labels --train-size 1000 --training.min-steps 1500",
)
def _early_stopping(rows: Rows) -> Evidence:
    networks = rows.trained_on()
    if not networks:
        return missing(f"runs on true labels, without regularisers, that go on for {_BEYOND} times as long as they fit")
    gains = {}
    for model, row in networks.items():
        hits = [found_hits for run in row.runs if (found_hits := hits_by_epoch(run)) is not None]
        if len(hits) < len(row.runs):
            return missing(EPOCH_HITS, "python -m empirical.run with the same options and --rerun")
        gains[model] = np.mean([split_half_gains(matrix) for matrix in hits], axis=0)
    little = [gain_p_value(-gain, -LITTLE) for gain in gains.values()]
    much = [gain_p_value(gain, LITTLE) for gain in gains.values()]
    return Evidence(
        tested_at_every(little, much, SIZE),
        "; ".join(
            f"{model}: best epoch {100 * gain.mean():+.2f} points above the last, p-value of {LITTLE:.0%} or more "
            f"{p_value:.1g}"
            for (model, gain), p_value in zip(gains.items(), little, strict=True)
        ),
        f"less than {LITTLE:.0%} for every network, p-values below {SIZE}",
        "the epoch is chosen on one half of the test images and measured on the other; normal tests image by image, "
        f"one-sided, each of size {SIZE:.0%}: an intersection-union test; true labels only, and runs that go on for "
        f"{_BEYOND} times as long as they take to fit, or to the end of the paper's schedule: a run that ends when it "
        "fits was stopped early itself",
    )


@claim(
    "C16",
    "Batch normalisation steadies training and improves test accuracy by 3 to 4 points.",
    "figure 2b, table 1",
    paper=f"test accuracy {words.TRUE['inception'].test:g}% with, {words.TRUE['inception-no-bn'].test:g}% without",
    figure="Figure 2: accuracy along training",
    decided_by="Inception with and without batch norm, at least three seeds",
    command="figure2 --seed 0 1 2 --scale paper",
)
def _batch_normalisation(rows: Rows) -> Evidence:
    networks = rows.of(TRUE_LABELS, NONE)
    normalised, plain = networks.get("inception"), networks.get("inception-no-bn")
    if normalised is None or plain is None or not _alike(normalised, plain):
        return missing("inception and inception-no-bn on true labels of the same images, without regularisers")
    if not _all_fit([normalised, plain]):
        return not_fitted()
    gains = _by_seed(normalised, plain)
    if len(gains) < MIN_SEEDS:
        return missing(f"{MIN_SEEDS} seeds of inception and of inception-no-bn")
    steadier = [_mean_drop(without, of) - _mean_drop(of, without) for of, without in _pairs(normalised, plain)]
    p_value, opposite = seeds_p_value(steadier), seeds_p_value([-value for value in steadier])
    low, high = seeds_interval(gains, SIZE)
    apart = high < _GAIN[0] or low > _GAIN[1]
    near = low >= _GAIN[0] - _ABOUT and high <= _GAIN[1] + _ABOUT
    points = Verdict.DOES_NOT_HOLD if apart else Verdict.HOLDS if near else Verdict.NOT_DECIDED
    # The points are of the paper's size, and so is how much accuracy drops.
    steady, gain = (_at_papers_size(normalised, half) for half in (tested(p_value, opposite, SIZE), points))
    return Evidence(
        worst_verdict([steady, gain]),
        f"steadier {steady.value}: from epoch to epoch over the same steps test accuracy drops by "
        f"{100 * float(np.mean(steadier)):+.2f} points more without, p-value {p_value:.1g}; gain of 3 to 4 points "
        f"{gain.value}: {100 * low:+.1f} to {100 * high:+.1f} points, {len(gains)} seeds",
        f"drops larger without, p-value below {SIZE}; the interval of the gain near 3 to 4 points",
        f"two halves, decided on {PAPER_IMAGES:,} images, the paper's; Student's t paired by seed, size {SIZE:.0%} "
        f"each; an interval that misses 3 to 4 contradicts, one within {100 * _ABOUT:.0f} point of 3 to 4 confirms, "
        "and a wider one does not tell",
    )


@claim(
    "C17",
    "Changing the architecture gains more than regularising.",
    "section 3, table 1",
    paper=f"test accuracy without regularisers: {words.NO_REGULARISER}",
    decided_by="runs on true labels with and without regularisers, several seeds",
    command="table1 --scale paper",
)
def _architecture_against_regularisers(rows: Rows) -> Evidence:
    plain = rows.of(TRUE_LABELS, NONE)
    alike = [row for row in plain.values() if _same_images(row, next(iter(plain.values())))]
    regularised = [
        row
        for row in rows.regularised(TRUE_LABELS)
        if plain.get(row.model) in alike
        and _alike(row, plain[row.model])
        and _pairs(row, plain[row.model])
        and _regularises(row)
    ]
    if alike and not _all_fit(alike):
        return not_fitted()
    if all(row.regularisers[0] == "none" for row in regularised) or len(alike) < 2:
        return missing("two networks on the same images, and one of them with augmentation")
    best, worst = max(alike, key=_mean), min(alike, key=_mean)
    most = max(regularised, key=lambda row: float(np.mean(_by_seed(row, plain[row.model]))))
    gain = float(np.mean(_by_seed(most, plain[most.model])))
    if not hits_recorded([run for row in (*alike, *regularised) for run in row.runs]):
        return missing(NEWER_RECORDS)
    gains = [_share_of_hits_gained(row, plain[row.model]) for row in regularised]
    differences = [_shares(row) - _shares(other) for row, other in permutations(alike, 2)]
    above = min(max(positive_mean_p_value(difference - gain) for gain in gains) for difference in differences)
    below = min(max(positive_mean_p_value(gain - difference) for difference in differences) for gain in gains)
    p_value, opposite = min(1.0, above * len(differences)), min(1.0, below * len(gains))
    return Evidence(
        tested(p_value, opposite, SIZE),
        f"{best.model} is {100 * (_mean(best) - _mean(worst)):.2f} points above {worst.model}, both without; the most "
        f"that a regulariser gains is {100 * gain:+.2f} points ({most.model}, {most.regularisers_in_words}); p-value "
        f"{p_value:.1g}",
        f"a difference of networks above every gain, p-value below {SIZE}",
        f"differences image by image, one-sided normal tests, size {SIZE:.0%}: above every gain by an "
        "intersection-union test, of any two networks by Bonferroni; decided only where augmentation was run on the "
        "same images",
    )


def _share_of_hits_gained(row: TableRow, other: TableRow) -> npt.NDArray[np.float64]:
    """The share of the common seeds for which the first classifies each test image correctly, less that for which the
    second does, (m,)."""
    gains = [hits_on_test(first).astype(float) - hits_on_test(second) for first, second in _pairs(row, other)]
    gained: npt.NDArray[np.float64] = np.mean(gains, axis=0)
    return gained


def _shares(row: TableRow) -> npt.NDArray[np.float64]:
    """The share of the seeds that classify each test image correctly, (m,)."""
    shares: npt.NDArray[np.float64] = np.mean([hits_on_test(run) for run in row.runs], axis=0, dtype=np.float64)
    return shares


def _all_fit(rows: Sequence[TableRow]) -> bool:
    return fit_verdict([run for row in rows for run in row.runs]) is Verdict.HOLDS


def _same_images(row: TableRow, other: TableRow) -> bool:
    configs = [table_row.runs[0].config for table_row in (row, other)]
    first, second = ((config.train_digest, config.test_digest, config.crop) for config in configs)
    return first == second


def _alike(row: TableRow, other: TableRow) -> bool:
    """Whether two rows are of the same images and hyper-parameters, regularisers and limits of steps apart."""

    def hyper_parameters(table_row: TableRow) -> TrainingConfig:
        training = table_row.runs[0].config.hyper_parameters
        return replace(training, augmentation="none", weight_decay=0.0, dropout=None, max_steps=1, min_steps=0)

    return _same_images(row, other) and hyper_parameters(row) == hyper_parameters(other)


def _mean(row: TableRow) -> float:
    return float(np.mean([run.summary.metrics["test_accuracy"] for run in row.runs]))


def _pairs(row: TableRow, other: TableRow) -> list[tuple[Run, Run]]:
    """The pairs of runs with the same seed."""
    partners = {run.config.seed: run for run in other.runs}
    return [(run, partners[run.config.seed]) for run in row.runs if run.config.seed in partners]


def _by_seed(row: TableRow, other: TableRow) -> list[float]:
    """The differences of test accuracies, paired by seed."""
    pairs = ([run.summary.metrics["test_accuracy"] for run in pair] for pair in _pairs(row, other))
    return [first - second for first, second in pairs]


def _mean_drop(run: Run, other: Run) -> float:
    """The mean drop of test accuracy from one recorded epoch to the next, over the steps that both runs took."""
    last = min(member.summary.metrics["step"] for member in (run, other))
    changes = np.diff([epoch.test_accuracy for epoch in run.epochs if epoch.step <= last])
    return float(np.maximum(0, -changes).mean()) if len(changes) else 0.0


CLAIMS = (
    _not_necessary,
    _not_sufficient,
    _alexnet_with_decay,
    _augmentation_against_decay,
    _early_stopping,
    _batch_normalisation,
    _architecture_against_regularisers,
)
"""The claims of this module, in the order of the report."""

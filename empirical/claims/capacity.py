"""The trained frontier beside what theory says of p parameters: from records alone."""

from collections import Counter
from dataclasses import dataclass, replace

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.results import Results
from empirical.claims.training_in_words import optimizer_in_words
from empirical.models import perceptron_sizes
from empirical.runs.records import Run
from empirical.studies.capacity import ENOUGH_STEPS, RESOLUTION, Frontier, frontiers
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict, verdict
from theory.complexity import ReLUArchitecture, theorem_1_lower_bound, vc_upper_bound

_NEEDED = {"fitted", "parameters", "dimension"}
"""The metrics that a run needs to be a step of the search for a frontier."""


@dataclass(frozen=True, eq=False)
class CapacityResults(Results):
    """Runs of the capacity experiment on one data set with one set of hyper-parameters.

    Attributes:
        runs: the runs that the frontiers come from.
        frontiers: a frontier for every network, kind of input and seed.
    """

    frontiers: tuple[Frontier, ...]

    @property
    def training_images(self) -> None:
        """None: their number is what the runs search for."""

    @property
    def images(self) -> str:
        """The images, for captions."""
        return f"{self.config.data}, random labels in {self.config.num_classes} classes"

    @property
    def setting(self) -> str:
        """The training, for captions."""
        training = self.config.hyper_parameters
        looks = sum(frontier.runs for frontier in self.frontiers)
        return f"{optimizer_in_words(training)}, at most {training.max_steps:,} steps; {looks} runs"

    @property
    def repetitions(self) -> str:
        """The seeds, for captions; not every network needs all of them."""
        searches = Counter((frontier.model, frontier.pixels) for frontier in self.frontiers)
        fewer = any(count < len(self.seeds) for count in searches.values())
        return super().repetitions + (", fewer of some networks" if fewer else "")

    @property
    def unfinished(self) -> bool:
        """Whether a run missed labels after fewer steps than the experiment allows: such a run decides nothing."""
        return self.config.training is not None and self.config.training.max_steps < ENOUGH_STEPS

    def closed(self) -> list[Frontier]:
        """The frontiers whose bracket is closed."""
        return [frontier for frontier in self.frontiers if frontier.closed]


def capacity_results(runs: list[Run]) -> list[CapacityResults]:
    """Sort capacity runs into sets that share data, classes and hyper-parameters.

    Runs that lack a metric which a frontier needs are left out.
    """
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        config = run.config
        if config.experiment == "capacity" and run.summary.metrics.keys() >= _NEEDED:
            # The test images tell data sets apart: the training images of a search are of any number.
            images = config.data, config.test_digest, config.num_classes, config.crop
            shared = replace(config.hyper_parameters, epochs_per_record=1), config.optimizer_source, config.device
            groups.setdefault((*images, *shared), []).append(run)
    return [CapacityResults(some[0].config, tuple(some), tuple(frontiers(some))) for some in groups.values()]


def perceptron_units(model: str) -> tuple[int, ...]:
    """Hidden units of `mlp-LxW`, layer by layer; none for another network."""
    layers, width = perceptron_sizes(model) or (0, 0)
    return (width,) * layers


def shattered_at_most(frontier: Frontier) -> int | None:
    """The VC bound: no architecture of these units with one output realises all two-class labellings of more points.
    For a network with k outputs the bound is on what it does with two of the classes. None for networks other than
    perceptrons.
    """
    units = perceptron_units(frontier.model)
    return vc_upper_bound(ReLUArchitecture.fully_connected(frontier.dimension, *units, 1)) if units else None


def capacity_table(results: CapacityResults) -> TextTable:
    """The table of the frontiers, a row for each."""
    rows = []
    for frontier in results.frontiers:
        ratio = "—" if frontier.fits == 0 else f"{frontier.parameters / frontier.fits:.2f}"
        best = (
            theorem_1_lower_bound(frontier.parameters, frontier.dimension)
            if frontier.parameters >= frontier.dimension + 2
            else 0
        )
        bound = shattered_at_most(frontier)
        rows.append(
            (
                frontier.model,
                "real images" if frontier.pixels == "original" else "Gaussian",
                str(frontier.seed),
                f"{frontier.parameters:,}",
                f"{frontier.fits:,}",
                "more" if frontier.fails is None else f"{frontier.fails:,}",
                ratio,
                f"{best:,}",
                "—" if bound is None else f"{bound:,}",
                str(frontier.runs),
            )
        )
    return TextTable(
        f"Capacity: {results.scale}",
        (
            "network",
            "inputs",
            "seed",
            "parameters p",
            "n fitted",
            "n not fitted",
            "p / n fitted",
            "Theorem 1: n = (p - d)/2",
            "VC bound, two classes",
            "runs",
        ),
        tuple(rows),
        f"Bisection to {RESOLUTION:.0%}. Fitted: all of n random labels, within the limit of steps; "
        "not fitted may mean not yet. Theorem 1 builds a network of p weights for as many points.",
    )


def compare_capacity(results: CapacityResults) -> list[Finding]:
    """What the frontiers say of the paper's reading of Theorem 1."""
    return decide_all(CLAIMS, results)


@claim(
    "capacity-1",
    "Training fits the random labels of as many samples as Theorem 1's network of equally many weights, (p - d)/2.",
    "theorem 1, read as a statement on training",
    figure="Capacity",
    command="capacity",
)
def _as_theorem_1(results: CapacityResults) -> Evidence:
    pairs = [
        (frontier, theorem_1_lower_bound(frontier.parameters, frontier.dimension))
        for frontier in results.frontiers
        if frontier.parameters >= frontier.dimension + 2
    ]
    pairs = [(frontier, best) for frontier, best in pairs if best > 0]
    if not pairs:
        return missing("networks of more than d + 2 parameters")
    fit = [frontier.fits >= best for frontier, best in pairs]
    fail = [
        frontier.fails is not None and frontier.fails <= best and not results.unfinished for frontier, best in pairs
    ]
    outcome = Verdict.DOES_NOT_HOLD if any(fail) else Verdict.HOLDS if all(fit) else Verdict.NOT_DECIDED
    least, worst = min((frontier.fits / best, at) for at, (frontier, best) in enumerate(pairs))
    most, best_of = max((frontier.fits / best, at) for at, (frontier, best) in enumerate(pairs))
    named = [f"{pairs[at][0].model}, {pairs[at][0].pixels}" for at in (worst, best_of)]
    return Evidence(
        outcome,
        f"{sum(fit)} of {len(pairs)} networks fit as many, {sum(fail)} do not; n fitted is {least:.2f} ({named[0]}) to "
        f"{most:.2f} ({named[1]}) times (p - d)/2",
        "every network fits as many",
        "an n that was fitted, or one that was not, on the right side of (p - d)/2; what training misses within its "
        "steps exists all the same",
    )


@claim(
    "capacity-2",
    "Networks with more parameters than samples are trained to fit any labels of them.",
    "section 4, `as soon as the number of parameters exceeds the number of data points`, read of training",
    figure="Capacity",
    command="capacity",
)
def _more_than_n(results: CapacityResults) -> Evidence:
    closed = results.closed()
    if not closed or results.unfinished:
        return missing(f"a network whose frontier is closed by runs of {ENOUGH_STEPS:,} steps")
    needed = [frontier.parameters / frontier.fails for frontier in closed if frontier.fails]
    failed = sum(ratio > 1 for ratio in needed)
    return Evidence(
        verdict(failed == 0),
        f"{failed} of {len(needed)} networks left labels of fewer than p samples unfitted; they failed with p/n from "
        f"{min(needed):.2f} to {max(needed):.2f}",
        "no failure with p > n",
        "upper ends of brackets, an observed failure each, within the stated steps, with the paper's hyper-parameters",
    )


CLAIMS = (
    _as_theorem_1,
    _more_than_n,
)
"""The claims of this module, in the order of the report."""

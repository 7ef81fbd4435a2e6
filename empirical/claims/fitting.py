"""Whether networks fit their labels: exactly, or nearly all of them, and whether they were given the time to.

Two levels. A network fits *exactly* if it reproduces every training label. It *fits* if it reproduces at least 99% of
them: the paper's own networks stop between 99.21% and 100% (tables 1 and 4), and claims about networks that fit hold
for them. A run that does not fit and was stopped before the paper's schedule ends has not shown that it cannot: it
decides nothing.
"""

from collections.abc import Sequence

from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from empirical.training.epoch_record import EpochRecord
from empirical.training.schedule import CIFAR_10
from theory.claims import Evidence, Verdict

FITS = 0.99
"""A network fits if it reproduces at least this share of the training labels."""

_ENOUGH_STEPS = CIFAR_10.max_steps


def fits(run: Run) -> bool:
    """Whether a run reproduces at least 99% of the labels given."""
    return bool(run.summary.metrics["fitted"] or run.summary.metrics["train_accuracy"] >= FITS)


def stopped_early(config: RunConfig) -> bool:
    """Whether a run may take fewer steps than the paper's schedule."""
    return config.training is not None and config.training.max_steps < _ENOUGH_STEPS


def unfinished(run: Run) -> bool:
    """Whether a run does not fit and was stopped sooner than the paper's schedule ends."""
    return stopped_early(run.config) and not fits(run)


def fit_verdict(runs: Sequence[Run]) -> Verdict:
    """The verdict on whether every run fits; not decided if a run that does not fit was stopped too soon."""
    if all(fits(run) for run in runs):
        return Verdict.HOLDS
    return Verdict.NOT_DECIDED if any(unfinished(run) for run in runs) else Verdict.DOES_NOT_HOLD


def level(run: Run) -> str:
    """The level that a run reaches, in words."""
    if run.summary.metrics["fitted"]:
        return "fitted exactly"
    if fits(run):
        return f"at least {FITS:.0%}"
    return "stopped before its schedule ends" if unfinished(run) else f"below {FITS:.0%}"


def not_fitted() -> Evidence:
    """The evidence on a claim about networks that fit, where some of the networks do not."""
    return Evidence(
        Verdict.NOT_DECIDED,
        f"less than {FITS:.0%} of the training labels are fitted",
        "",
        "would be decided by runs that fit their labels",
    )


def first_fit(run: Run) -> EpochRecord | None:
    """The first epoch after which every given label is fitted; None if there is none within the limit of steps."""
    return next((record for record in run.epochs if record.fitted), None)

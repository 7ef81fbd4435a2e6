"""Is the step size right, and does the schedule leave enough of it?

All is measured by probes: short trainings from the same weights that differ in the step size alone.

How far plain gradient descent can go is the sum of its step sizes S = sum_t eta_t: small steps follow the gradient
flow, whose time S is. So a training planned to have the sum S is foreshadowed by a probe of few steps of size
S / steps, as long as steps of that size are still small, which shows by their lowering the loss clearly further than
smaller ones do. If such a probe has gone, for safety, several times as far as the whole plan will, and the loss has
not even halved, the plan ends before the labels are fitted. Where larger steps help no more, nothing is said.
"""

import math
from collections.abc import Callable

from empirical.diagnosis.answer import Answer, Verdict
from empirical.diagnosis.probe import Probe
from empirical.training.config import TrainingConfig
from empirical.training.schedule import sum_of_step_sizes

ProbeAt = Callable[[float], Probe]
"""Returns the probe at a step size, and should remember the probes made."""

_RISE = 0.1
"""A rise of the loss by this share of its first value shows that the steps are too large. Small batches cannot cause
such a rise, since the loss is taken over the whole sample."""

_ENOUGH = 0.5
"""Share of its first value by which the loss must have fallen. A fit needs nearly all of it."""

_GAIN = math.sqrt(2)
"""Steps are small if they lower the loss by this factor more than steps of a quarter of their size. On digits with
random labels steps well below the best size gain a factor of 2 or more, steps of the best size 1.1."""

_MARGIN = 3.0
"""How many times as far as planned the probe goes. Large steps are worth less: perceptrons of 1 and 3 layers on 300
and 1,000 digits with random labels fitted at S = 8 to 43, up to twice as early as the S that would be called too
little without a margin."""

_MOST_TRIES = 8
"""Powers of ten tried to name a better step size."""


def check_step_size(probe_at: ProbeAt, config: TrainingConfig) -> Answer:
    """Does the loss fall, and would it fall far enough at a step size that does not decay?

    Probes at 1, 10 and 1/10 of the learning rate. Too large: training breaks off, or the loss rises by more than
    `_RISE`, or at all while the smaller step lowers it. Too small: max_steps steps of full size are too short a way, as
    defined above.
    """
    question = "Is the step size right?"
    rate = config.step_size
    probes = {factor: probe_at(rate * factor) for factor in (0.1, 1.0, 10.0)}
    falls = {factor: probe.fall for factor, probe in probes.items()}
    measured = {f"fall_at_{factor:g}": fall for factor, fall in falls.items()}
    steps = probes[1.0].steps or probes[0.1].steps
    words = f"in {steps} steps the loss " + ", ".join(
        f"{_change(fall)} at {rate * factor:g}" for factor, fall in falls.items()
    )
    if falls[1.0] < -_RISE or falls[1.0] < 0 < falls[0.1]:
        better = _best(probe_at, rate, 0.1)
        advice = (
            f"--training.learning-rate {better.learning_rate:g}, where it {_change(better.fall)}"
            if better.fall > 0
            else "no smaller step size tried lowers the loss: see that images are whitened and the network starts small"
        )
        return Answer(question, f"too large: {words}", Verdict.PROBLEM, advice, measured)
    if _too_short(probe_at, rate * config.max_steps, rate):
        better = _best(probe_at, rate, 10.0)
        return Answer(
            question,
            f"too small for {config.max_steps:,} steps: {words}",
            Verdict.PROBLEM,
            f"--training.learning-rate {better.learning_rate:g}, where it {_change(better.fall)}",
            measured,
        )
    return Answer(question, words, Verdict.OK, "", measured)


def check_schedule(probe_at: ProbeAt, config: TrainingConfig) -> Answer:
    """Does the step size decay to nothing before the labels can be fitted? The sum of the steps is what counts."""
    question = "Does the learning-rate schedule last?"
    total, constant = sum_of_step_sizes(config, config.max_steps), config.step_size * config.max_steps
    measured = {"sum_of_steps": total, "sum_without_decay": constant}
    words = (
        f"its {config.max_steps:,} steps add up to {total:.3g}, as many as {total / config.step_size:,.0f} steps "
        "of the first size"
    )
    if _too_short(probe_at, total, config.step_size):
        return Answer(
            question,
            f"no: {words}: they are gone before the loss has halved",
            Verdict.PROBLEM,
            f"decay more slowly: --training.learning-rate-decay 1 or --training.decay-steps above {config.decay_steps} "
            "(the paper's factor is for 391 steps, an epoch of 50,000 images); or raise the learning rate",
            measured,
        )
    return Answer(question, f"yes: {words}", Verdict.OK, "", measured)


def _too_short(probe_at: ProbeAt, total: float, rate: float) -> bool:
    """Whether steps that add up to `total` end before the loss has halved, as far as probes can tell."""
    steps = max(probe_at(rate).steps, probe_at(rate / 10).steps)
    if not steps:
        return False
    far = probe_at(_MARGIN * total / steps)
    if far.fall >= _ENOUGH:
        return False
    smaller = [probe_at(factor * rate) for factor in (0.1, 1.0, 10.0) if factor * rate < far.learning_rate]
    if any(probe.fall >= far.fall for probe in smaller):
        return False
    return far.fall > max(0.0, _GAIN * probe_at(far.learning_rate / 4).fall)


def _best(probe_at: ProbeAt, rate: float, factor: float) -> Probe:
    """The probe whose loss falls furthest among rate * factor, rate * factor^2, ...; it ends past a best one."""
    best = probe_at(rate * factor)
    for power in range(2, _MOST_TRIES + 1):
        probe = probe_at(rate * factor**power)
        if best.fall > 0 and probe.fall <= best.fall:
            break
        best = max(best, probe, key=lambda candidate: candidate.fall)
    return best


def _change(fall: float) -> str:
    if fall < -1e6:
        return "becomes infinite"
    return f"falls by {fall:.2%}" if fall >= 0 else f"rises by {-fall:.1%}"

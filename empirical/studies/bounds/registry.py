"""Every bound by name. A test demands a reference for each: the number computed again, by other means."""

from collections.abc import Callable

from empirical.runs.resumable_parts import Parts
from empirical.studies.bounds.evaluated_bound import Found
from empirical.studies.bounds.hilbert_balls import BALL_BOUNDS, ball_bounds
from empirical.studies.bounds.matrices import NORM_BOUNDS, VC_BOUNDS, counting_bounds, norm_bounds
from empirical.studies.bounds.random_signs import RANDOM_SIGN_BOUNDS, random_sign_bounds
from empirical.studies.bounds.sgd_stability import STABILITY_BOUNDS, stability_bounds
from empirical.studies.bounds.subject import Subject
from empirical.studies.bounds.weight_noise import WEIGHT_NOISE_BOUNDS, weight_noise_bounds

BOUNDS: dict[str, Callable[[Subject, Parts], Found]] = {
    **dict.fromkeys(VC_BOUNDS, counting_bounds),
    **dict.fromkeys(NORM_BOUNDS, norm_bounds),
    **dict.fromkeys(BALL_BOUNDS, ball_bounds),
    **dict.fromkeys(WEIGHT_NOISE_BOUNDS, weight_noise_bounds),
    **dict.fromkeys(RANDOM_SIGN_BOUNDS, random_sign_bounds),
    **dict.fromkeys(STABILITY_BOUNDS, stability_bounds),
}
"""The function that evaluates each bound, together with the others of its family, in the order of the record."""

"""C7: random labels on images that noise moves apart, on either side of the rule."""

from dataclasses import replace

import numpy as np
import pytest

from empirical.claims.distance import compare_distance, distance_results, distance_table, steps_to_start
from empirical.claims.result_sets import result_sets
from empirical.claims.verdicts import claim_verdicts, subjects
from empirical.runs.config import DISTANCE, Trained
from empirical.runs.records import Run
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict

SHARES = (0.0, 0.2, 0.4, 0.6, 1.0, 0.8)
LOG_K = np.log(10)


def run(share: float, start: float, seed: int = 0, **metrics: object) -> Run:
    """A loss of log k at step 0, then one that falls by a tenth of it until `start`, and to 0 in 9 times the steps."""
    test = f"mixed-{share}+random-labels" if share else "random-labels"
    config = made_up_config(Trained(TrainingConfig(learning_rate=0.01)), test, experiment=DISTANCE, seed=seed)
    epochs = [
        EpochRecord(
            epoch=at,
            step=8 * at,
            learning_rate=0.1,
            train_loss=loss,
            train_accuracy=1.0 if loss == 0 else 0.1,
            train_accuracy_clean_labels=0.1,
            train_accuracy_changed=None,
            train_accuracy_unchanged=0.1,
            test_loss=2.3,
            test_accuracy=0.1,
            seconds=1.0,
            online_loss=loss if at else None,
        )
        for at in range(int(10 * start / 8) + 2)
        for loss in [LOG_K * max(0.0, 1 - 0.1 * 8 * at / start)]
    ]
    measured = {
        "step": epochs[-1].step,
        "fitted": True,
        "mean_distance": 0.98 + share / 50,
        "mean_distance_within_classes": 0.95 + share / 20,
        "nearest_distance": 0.6 + share / 3,
    }
    return made_up_run(config, measured | metrics, epochs)


def runs(starts: tuple[float, ...] = (50, 45, 41, 33, 22), seeds: int = 3, **metrics: object) -> list[Run]:
    pairs = zip(SHARES, starts, strict=False)
    return [run(share, start + seed, seed, **metrics) for share, start in pairs for seed in range(seeds)]


def verdict(sample: list[Run]) -> Verdict:
    (results,) = distance_results(sample)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_distance(results)}["C7"]


def test_the_start_is_found_between_epochs():
    """To the rounding of a straight line through recorded points."""
    assert steps_to_start(run(0.0, 43.0)) == pytest.approx(43.0)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (runs(), Verdict.HOLDS),
        (runs((20, 30, 40, 50, 70, 60)), Verdict.DOES_NOT_HOLD),
        (runs((20, 30, 40, 50, 60)), Verdict.NOT_DECIDED),  # one seed of three must refute at 0.3%: six distances
        (runs((50, 45, 46, 33, 22)), Verdict.NOT_DECIDED),  # of five distances all must be in order
        (runs((50, 45, 41, 33)), Verdict.NOT_DECIDED),
        (runs(seeds=2), Verdict.NOT_DECIDED),
        (runs(mean_distance_within_classes=None), Verdict.NOT_DECIDED),
    ],
)
def test_either_side(sample, expected):
    assert verdict(sample) is expected


def test_every_seed_must_agree():
    """With one seed the start does not depend on distance: two of three are not enough."""
    repeats = [run for run in runs() if run.config.seed]
    assert verdict([*repeats, *(run(*pair) for pair in zip(SHARES, (50, 22, 41, 33, 45), strict=False))]) is (
        Verdict.NOT_DECIDED
    )


def test_a_share_that_one_seed_lacks_is_left_out():
    (results,) = distance_results(runs()[:-1])
    assert results.shares == [0.0, 0.2, 0.4, 0.6]
    assert verdict(runs()[:-1]) is Verdict.NOT_DECIDED


def test_no_other_claim_sees_these_runs():
    """Alone or beside the paper's tests, and though the share 0 has the images and labels of one."""
    assert result_sets(runs()) == []
    (subject,) = subjects(runs())
    decided = [claim_verdict for claim_verdict in claim_verdicts([subject]) if claim_verdict.findings]
    assert [claim_verdict.claim.id for claim_verdict in decided] == ["C7"]
    ordinary = replace(runs()[0], config=replace(runs()[0].config, experiment="randomization-tests"))
    (results,) = result_sets([ordinary, *runs()])
    assert [run.config.experiment for run in results.trained.values()] == ["randomization-tests"]


def test_the_table_has_a_row_for_every_share():
    (results,) = distance_results(runs())
    table = distance_table(results)
    assert [row[0] for row in table.rows] == ["0", "0.2", "0.4", "0.6", "1"]
    assert table.rows[0][5] == "50, 51, 52"
    assert table.rows[2][1] == "31%", "0.16 of 0.16 + 0.36"

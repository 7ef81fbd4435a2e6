"""Bits per parameter: measured, resumed, decided on either side of every rule, drawn."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from empirical.claims.bits import bits_results, bits_table, compare_bits, input_dimension
from empirical.datasets import load
from empirical.experiments.bits import plan_bits
from empirical.experiments.settings import BitsSettings, Settings
from empirical.models import perceptron_sizes, transformer_sizes
from empirical.models.causal_transformer import CausalTransformer
from empirical.randomization import Randomization, randomize
from empirical.run import main
from empirical.runs.config import StudyRun, Trained
from empirical.runs.records import Run, read_runs
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import BitsConfig
from empirical.studies.bits import data_sizes, measure_bits, step_share
from empirical.training.config import TrainingConfig
from figures.bits import BITS_FIGURES
from figures.result_figure import draw_figures
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict

STUDY = BitsConfig(offered=(0.05, 0.5), vocabulary=4, length=3, steps=150, head=4, learning_rate=0.02)


def measured(tmp_path, model: str, stop: str = "", study: BitsConfig = STUDY) -> dict[str, Any]:
    def report(name: str, share: float) -> None:
        assert 0 <= share <= 1
        if name == stop:
            raise KeyboardInterrupt

    digits = load("digits").subset(40, 30)
    config = made_up_config(StudyRun(study), n_train=40, n_test=30, model=model)
    return measure_bits(config, randomize(digits, Randomization(), 0), Parts(tmp_path, report), tmp_path)


def test_a_transformer_memorises_few_tokens_and_a_resumed_run_is_the_same(tmp_path):
    whole = measured(tmp_path / "whole", "transformer-1x8")
    json.dumps(whole, allow_nan=False)
    assert whole["parameters"] == 5 * 8 + 3 * 8 + 12 * 64 + 13 * 8 + 2 * 8
    few, many = whole["points"]
    assert [few["sequences"], many["sequences"]] == [8, 79]
    assert few["offered_bits"] == 48
    # No code is shorter on average than that of the shares of the sequences themselves, eight different ones here: the
    # order in which they come is not memorised.
    assert 0.95 * (48 - 8 * math.log2(8)) < few["memorised_bits"] <= 48 - 8 * math.log2(8)
    assert few["unclipped_bits"] <= few["memorised_bits"] + 1e-9
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path / "again", "transformer-1x8", "79 sequences")
    assert measured(tmp_path / "again", "transformer-1x8") == whole


def test_a_perceptron_memorises_labels(tmp_path):
    study = BitsConfig(offered=(0.05, 0.1, 5.0), steps=300)
    whole = measured(tmp_path, "mlp-1x8", study=study)
    assert whole["parameters"] == 610
    assert [point["sequences"] for point in whole["points"]] == [9, 18, 40], "no more than the images there are"
    first = whole["points"][0]
    assert first["offered_bits"] == pytest.approx(9 * math.log2(10))
    assert first["memorised_bits"] > 0.95 * first["offered_bits"]


def test_the_transformer_sees_no_later_token():
    torch.manual_seed(0)
    network = CausalTransformer(7, 5, 2, 8, 2).double()
    sequences = torch.randint(0, 7, (3, 5))
    logits = network(sequences)
    assert logits.shape == (3, 5, 7)
    for at in range(5):
        changed = sequences.clone()
        changed[:, at] = (changed[:, at] + 1) % 7
        differs = (network(changed) != logits).any(dim=2).any(dim=0)
        assert not differs[: at + 1].any(), "the token itself and those before it are coded without it"
        assert differs[at + 1 :].all()
    with pytest.raises(ValueError, match="multiple"):
        CausalTransformer(7, 5, 1, 8, 3)


def test_names_sizes_and_steps():
    assert transformer_sizes("transformer-2x64") == (2, 64)
    assert perceptron_sizes("mlp-2x64") == (2, 64)
    for name in ("transformer-2", "mlp-1x8", "transformer-0x8", "transformer-x"):
        assert transformer_sizes(name) is None
    for name in ("mlp-2", "transformer-1x8", "mlp-0x8", "mlp-1x512-wide"):
        assert perceptron_sizes(name) is None
    assert data_sizes(100, (1.0, 2.0, 4.0), 10, None) == [10, 20, 40]
    assert data_sizes(100, (0.01, 2.0, 4.0), 10, 20) == [1, 20]
    shares = [step_share(at / 100) for at in range(101)]
    assert min(shares[:100]) > 0
    assert max(shares) == pytest.approx(1.0, abs=0.01)
    assert shares[100] < 1e-9


def bits_run(
    model: str,
    parameters: int,
    memorised: tuple[float, ...],
    offered: tuple[float, ...] = (2.0, 4.0, 8.0),
    *,
    steps: int = 1000,
) -> Run:
    """A run that memorises so many bits a parameter."""
    points = [
        {
            "sequences": round(share * parameters / 96),
            "offered_bits": share * parameters,
            "memorised_bits": bits * parameters,
            "unclipped_bits": bits * parameters,
            "epochs": 10,
        }
        for share, bits in zip(offered, memorised, strict=True)
    ]
    metrics = {"parameters": parameters, "tokens": 16, "vocabulary": 64, "points": points}
    return made_up_run(made_up_config(StudyRun(BitsConfig(offered=offered, steps=steps)), model=model), metrics)


PERCEPTRON = bits_run("mlp-1x8", 610, (1.5, 1.4, 1.3))
LEVEL = bits_run("transformer-1x8", 1536, (2.0, 3.6, 3.5))
AGREEING = [
    PERCEPTRON,
    LEVEL,
    bits_run("transformer-1x8", 1536, (2.0, 3.5, 3.4), steps=500),
    bits_run("transformer-1x16", 4608, (2.0, 3.5, 3.6)),
    bits_run("transformer-1x16", 4608, (2.0, 3.5, 3.5), steps=400),
]


def verdicts(runs: list[Run]) -> dict[str, Verdict]:
    (results,) = bits_results(runs)
    return {finding.claim.id: finding.evidence.verdict for finding in compare_bits(results)}


def test_every_claim_holds_where_it_is_so():
    assert set(verdicts(AGREEING).values()) == {Verdict.HOLDS}


@pytest.mark.parametrize(
    ("name", "runs", "expected"),
    [
        ("bits-1", [PERCEPTRON], Verdict.NOT_DECIDED),
        ("bits-1", [bits_run("transformer-1x8", 1536, (1.0, 2.0, 2.0))], Verdict.NOT_DECIDED),
        ("bits-1", [bits_run("transformer-1x8", 1536, (2.0, 4.0, 4.5))], Verdict.DOES_NOT_HOLD),
        ("bits-2", [PERCEPTRON], Verdict.NOT_DECIDED),
        ("bits-2", [bits_run("transformer-1x8", 1536, (2.0, 3.0, 4.0))], Verdict.NOT_DECIDED),
        (
            "bits-2",
            [bits_run("transformer-1x8", 1536, (1.0, 1.5, 3.0), steps=steps) for steps in (500, 1000)],
            Verdict.DOES_NOT_HOLD,
        ),
        ("bits-2", [bits_run("transformer-1x8", 1536, (1.0, 1.5, 3.0))], Verdict.NOT_DECIDED),  # too few steps, perhaps
        # Beside networks that decide, one that was trained for too short a time says nothing, and one that falls much.
        ("bits-2", [*AGREEING, bits_run("transformer-2x64", 9000, (0.1, 0.1, 0.2))], Verdict.HOLDS),
        (
            "bits-2",
            [*AGREEING, *(bits_run("transformer-2x64", 9000, (2.0, 3.0, 2.0), steps=steps) for steps in (500, 1000))],
            Verdict.NOT_DECIDED,
        ),
        # Level, but nobody knows what more steps give; or half of the steps give less; or those beside are no half.
        ("bits-2", [LEVEL], Verdict.NOT_DECIDED),
        ("bits-2", [LEVEL, bits_run("transformer-1x8", 1536, (2.0, 3.3, 3.4), steps=500)], Verdict.NOT_DECIDED),
        ("bits-2", [LEVEL, bits_run("transformer-1x8", 1536, (2.0, 3.6, 3.5), steps=600)], Verdict.NOT_DECIDED),
        # A fall: more data than the steps can go through.
        (
            "bits-2",
            [bits_run("transformer-1x8", 1536, (2.0, 3.6, 3.0), steps=steps) for steps in (500, 1000)],
            Verdict.NOT_DECIDED,
        ),
    ],
)
def test_either_side_of_every_rule(name, runs, expected):
    assert verdicts(runs)[name] is expected


def test_table_and_figure(tmp_path):
    (results,) = bits_results(AGREEING)
    assert [run.config.study_of(BitsConfig).steps for run in results.runs] == [1000, 1000, 1000]
    assert [row[0] for row in bits_table(results).rows] == ["mlp-1x8", "transformer-1x8", "transformer-1x16"]
    assert input_dimension(PERCEPTRON) == 64
    assert input_dimension(AGREEING[1]) is None
    paths = draw_figures(BITS_FIGURES, results, "test", tmp_path)
    assert all(path.exists() for path in paths.values())


def test_only_perceptrons_on_images_of_the_same_size_stand_beside():
    """What `capacity` found on the same data, cropped, is another network's."""

    def fitted(parameters: int, dimension: int) -> Run:
        metrics = {"fitted": True, "parameters": parameters, "dimension": dimension, "step": 100, "train_accuracy": 1.0}
        config = made_up_config(Trained(TrainingConfig()), "random-labels", experiment="capacity", model="mlp-1x8")
        return made_up_run(replace(config, crop=dimension), metrics)

    (results,) = bits_results([*AGREEING, fitted(610, 64), fitted(386, 36)])
    assert [frontier.dimension for frontier in results.frontiers] == [64]


def test_the_experiment_at_smoke_scale(tmp_path):
    assert main(["bits", "--scale", "smoke", "--device", "cpu", "--out", str(tmp_path)]) == 0
    assert {run.config.model for run in read_runs(tmp_path)} == {"mlp-1x8", "transformer-1x8", "transformer-1x32"}
    assert list((tmp_path / "figures").glob("bits_*.svg"))


def test_other_networks_and_tests_are_refused(tmp_path, capsys):
    assert main(["bits", "--model", "inception", "--out", str(tmp_path)]) == 2
    assert "transformer-LxW" in capsys.readouterr().err
    assert main(["bits", "--tests", "random-labels", "--out", str(tmp_path)]) == 2
    assert "leave --tests out" in capsys.readouterr().err


def test_the_longest_run_of_the_best_step_size_stands_for_a_network():
    """And only a shorter run of the same step size tells whether its steps were enough."""
    model, sizes = "transformer-1x8", (2.0, 4.0, 8.0)
    slow, fast = (bits_run(model, 1536, (2.0, bits, bits), sizes) for bits in (3.0, 3.5))
    fast = with_rate(fast, 0.05)
    half = bits_run(model, 1536, (2.0, 3.49, 3.49), steps=500)
    for runs in ([slow, fast, half], [half, fast, slow]):
        (results,) = bits_results(runs)
        assert results.runs == (fast,)
        assert results.shorter == {}
        assert verdicts(runs)["bits-2"] is Verdict.NOT_DECIDED
    assert verdicts([slow, fast, with_rate(half, 0.05)])["bits-2"] is Verdict.HOLDS


def with_rate(run: Run, learning_rate: float) -> Run:
    config = run.config
    study = replace(config.study_of(BitsConfig), learning_rate=learning_rate)
    return replace(run, config=replace(config, what=StudyRun(study)))


def test_step_sizes():
    digits = load("digits").subset(40, 30)
    for settings, model, rate in (
        (BitsSettings(), "mlp-1x8", 0.01),
        (BitsSettings(), "transformer-1x64", 0.01),
        (BitsSettings(), "transformer-2x64", 0.005),
        (BitsSettings(), "transformer-2x128", 0.0025),
        (BitsSettings(learning_rate=0.02), "transformer-2x128", 0.02),
    ):
        (config,) = plan_bits(digits, Settings(model, bits=settings))
        assert config.study_of(BitsConfig).learning_rate == rate
    for rate in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match=r"--bits\.learning-rate must be positive"):
            BitsSettings(learning_rate=rate)

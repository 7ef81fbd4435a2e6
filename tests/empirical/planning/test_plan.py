"""The plan of a command: counted by hand from a made-up cost, and end to end on real images."""

import json
from dataclasses import replace

import numpy as np
import pytest

from empirical.datasets import ImageDataset, ImageSplit, load
from empirical.experiments.kernels import plan_kernels
from empirical.experiments.randomization_tests import plan_randomization_tests
from empirical.experiments.settings import Settings
from empirical.planning import plan
from empirical.planning.plan import make_plan, plan_run, time_in_words
from empirical.planning.settings import PlanSettings
from empirical.planning.step_cost import StepCost
from empirical.run import main
from empirical.training.config import TrainingConfig

COST = StepCost(
    parameters=1_000,
    batch=128,
    images=(2, 128),
    seconds=(0.1, 1.0),
    memory=(1_000_000, 5_000_000),
    evaluation=0.001,
    evaluated=(100, 400),
    evaluation_memory=(1_000_000, 4_000_000),
    checkpoint_bytes=10_000,
    checkpoint=0.5,
    record_bytes=400,
)
SHAPE = (3, 32, 32)


def config_of(**training):
    settings = Settings("mlp-1x16", ("true-labels",), "cpu", training=TrainingConfig(**training))
    (trained, _) = plan_randomization_tests(load("digits"), settings)
    return replace(trained, n_train=50_000, n_test=10_000)


def test_a_run_counted_by_hand():
    """391 steps an epoch; 400 are asked for, so two epochs, recorded thrice; a checkpoint every two steps."""
    run = plan_run(config_of(max_steps=400), 0, COST, SHAPE)
    assert (run.steps, run.epochs, run.evaluations) == (782, 2, 3)
    assert run.training == pytest.approx(782.0)
    assert run.evaluation == pytest.approx((3 * 60_000 + 10_000) * 0.001), "the test set once more, for the record"
    assert run.checkpoints == pytest.approx((1 + 782 / 10) * 0.5), (
        "each takes 0.5 s: one every ten, a twentieth of the time"
    )
    assert run.seconds == pytest.approx(782 + 190 + 39.6)
    assert run.image_memory == 60_000 * 3 * 28 * 28 * 4
    assert run.network_memory == 1_000_000 + 10_000 * 1_948, "2,048 images evaluated at once"
    assert run.disk == 10_000 + 3 * (400 + 10_000 // 6), "and which of the test images were hit, six to a byte"


def test_augmentation_keeps_the_stored_images_and_records_are_fewer_if_asked():
    config = config_of(max_steps=400 * 5, epochs_per_record=4)
    run = plan_run(config.with_training(replace(config.training, augmentation="crop")), 0, COST, SHAPE)
    assert run.image_memory == 60_000 * 3 * 28 * 28 * 4 + 50_000 * 3 * 32 * 32
    assert (run.epochs, run.evaluations) == (6, 3)


def test_many_images_need_memory_for_their_predictions():
    config = replace(config_of(), n_train=1_281_167, num_classes=1_000)
    assert plan_run(config, 0, COST, SHAPE).network_memory == 4_000 + 24 * 1_281_167


def test_a_small_sample_gives_the_plan_of_the_full_run(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32)).astype(np.uint8)
    labels = np.arange(12) % 2
    sample = ImageDataset(
        "folder", ImageSplit(images[:10], labels[:10]), ImageSplit(images[10:], labels[10:]), ("a", "b"), "made up"
    )
    settings = Settings("mlp-1x16", ("true-labels", "random-labels"), "cpu")
    configs = plan_randomization_tests(sample, settings)
    plan = make_plan(
        configs, sample, PlanSettings(train_images=50_000, test_images=10_000, seconds=0.5), tmp_path / "r"
    )
    assert [run.steps for run in plan.runs] == [60_214] * 2
    assert [run.network for run in plan.runs] == [0, 0], "measured once"
    assert len(plan.networks) == 1
    assert plan.networks[0].parameters == 3 * 28 * 28 * 16 + 16 + 16 * 2 + 2
    assert len(plan.not_planned) == 2
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_runs_without_training_are_named(tmp_path):
    configs = plan_kernels(load("digits"), Settings(device="cpu"))
    plan = make_plan(configs, load("digits"), PlanSettings(), tmp_path / "runs")
    assert not plan.runs
    assert all("memory it needs" in reason for _, reason in plan.not_planned)


def test_runs_for_a_device_that_is_not_here(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match=r"make the plan on a machine that they will run on"):
        make_plan([replace(config_of(), device="cuda")], load("digits"), PlanSettings(), tmp_path / "runs")


SMALL = ["--model", "mlp-1x16", "--tests", "random-labels", "--device", "cpu", "--plan.seconds", "0.5"]


def test_command_line(tmp_path, capsys):
    out, record = tmp_path / "runs", tmp_path / "plan.json"
    assert main(["plan", *SMALL, "--out", str(out), "--plan.record", str(record)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "plan for 1,297 training and 500 test images like those of digits, measured on this machine, cpu" in printed
    assert "not planned: random labels, theorem-1: built in closed form" in printed
    assert not out.exists(), "nothing goes where records do"
    content = json.loads(record.read_text())
    assert len(content["plan"]["runs"]) == len(content["plan"]["networks"]) == 1
    assert content["loading"] > 0
    assert content["about"]["environment"]["accelerator"] is None, "it was planned for the CPU"


def test_two_runs_have_a_sum(tmp_path, capsys):
    assert main(["plan", *SMALL, "--seed", "0", "1", "--out", str(tmp_path / "runs")]) == 0
    assert "all 2, one by one" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["--plan.seconds", "0"], "--plan.seconds must be positive, got 0"),
        (["--train-size", "99999"], "99999 images asked for"),
    ],
)
def test_refusals_say_what_to_do(wrong, says, tmp_path, capsys):
    try:
        status = main(["plan", *SMALL, "--out", str(tmp_path / "runs"), *wrong])
    except SystemExit as stopped:  # tyro's own, for what a field refuses
        status = stopped.code
    assert status == 2
    assert says in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_space_is_that_of_the_directory_itself_where_it_exists(tmp_path):
    assert plan._beside(tmp_path) == tmp_path
    assert plan._beside(tmp_path / "records" / "of today") == tmp_path


def test_time_in_words():
    assert [time_in_words(seconds) for seconds in (0.00123, 2.5, 200.0)] == ["1.23 ms", "2.5 s", "3 min 20 s"]

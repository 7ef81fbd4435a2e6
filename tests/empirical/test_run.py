"""The command line, end to end, on real images."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from empirical import run_experiment
from empirical.datasets import load
from empirical.execution.status import read_planned
from empirical.experiments.settings import BitsSettings, MemorisationSettings, OrderSettings, PacBayesSettings
from empirical.options import Options, parsed
from empirical.planned_runs import plan_runs
from empirical.report import run_report
from empirical.run import main
from empirical.runs.records import RunDirectory, read_runs
from empirical.runs.studies import BitsConfig, MemorisationConfig, OrderConfig, PacBayesConfig
from figures.__main__ import main as draw

SMALL = ["--train-size", "120", "--test-size", "60"]


@pytest.fixture(autouse=True)
def no_pictures(main_job, monkeypatch):
    """The fixture's job draws its figures; the others need not, each in a process of its own."""
    monkeypatch.setattr("empirical.report.run_report._draw", lambda out: True)


def metrics(out: Path) -> dict[str, str]:
    """The metrics of every run under `out`, byte for byte."""
    return {
        path.parent.name: json.dumps(json.loads(path.read_text())["metrics"]) for path in out.glob("*/summary.json")
    }


def test_main_job_fits_every_test(main_job):
    runs = read_runs(main_job)
    assert len(runs) == 16
    assert all(run.summary.metrics["fitted"] for run in runs)
    assert all(run.summary.metrics["train_accuracy"] == 1.0 for run in runs)
    explicit = [run for run in runs if run.config.kind == "explicit"]
    assert {run.summary.metrics["parameters"] for run in explicit} == {2 * 120 + 64}
    for name in ("claims.json", "theory.json", "report.html"):
        assert (main_job / name).stat().st_size > 0
    kinds = {path.name.partition("_")[0] for path in (main_job / "figures").glob("*.png")}
    assert kinds == {"loss-curves", "corruption", "only-labels"}
    assert not list(main_job.rglob("*.partial*"))


def test_finished_runs_are_not_repeated(main_job, capsys, monkeypatch):
    monkeypatch.setattr("empirical.claimed_run.execute", lambda *_: pytest.fail("ran again"))
    before = metrics(main_job)
    assert main(["--out", str(main_job), *SMALL]) == 0
    output = capsys.readouterr().out
    assert output.count("finished before") == 16
    assert "random labels" in output
    assert "report: " in output.splitlines()[-1]
    assert metrics(main_job) == before


def test_same_seed_same_bytes_other_seed_others(main_job, tmp_path):
    chosen = ["--tests", "random-labels", "gaussian"]
    assert main(["--out", str(tmp_path / "same"), *SMALL, *chosen]) == 0
    assert main(["--out", str(tmp_path / "other"), *SMALL, *chosen, "--seed", "1"]) == 0
    same, reseeded, first = metrics(tmp_path / "same"), metrics(tmp_path / "other"), metrics(main_job)
    assert len(same) == 4
    assert same == {name: first[name] for name in same}
    assert set(same.values()).isdisjoint(reseeded.values())


def test_rerun(main_job, tmp_path):
    arguments = ["--out", str(tmp_path), *SMALL, "--tests", "shuffled-pixels"]
    assert main(arguments) == 0
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/summary.json")}
    before = metrics(tmp_path)
    assert main([*arguments, "--rerun"]) == 0
    assert all(path.stat().st_mtime_ns > stamp for path, stamp in stamps.items())
    assert metrics(tmp_path) == before


def test_a_refused_rerun_asks_for_nothing(tmp_path, capsys):
    arguments = ["--out", str(tmp_path), *SMALL, "--tests", "shuffled-pixels"]
    assert main(arguments) == 0
    run = read_runs(tmp_path)[0]
    with RunDirectory(tmp_path, run.config).claim():
        assert main([*arguments, "gaussian", "--rerun"]) == 2
    assert "another process is at work" in capsys.readouterr().err
    assert read_planned(tmp_path) == {}


DRAW = run_report._draw


def test_figures_of_the_users_own_are_not_run_in_place_of_ours(main_job, tmp_path, monkeypatch, capsys):
    (tmp_path / "figures.py").write_text("open('ran', 'w')\n")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(main_job, tmp_path / "out", ignore=shutil.ignore_patterns("figures", "report.html"))
    assert DRAW(Path("out"))
    assert not (tmp_path / "ran").exists()
    assert (tmp_path / "out" / "report.html").exists()


def test_the_process_that_draws_finds_our_packages_first(monkeypatch, tmp_path):
    """Also where they are not installed: the first entry of its path is the folder that `figures` lies in."""
    environments = []

    def started(command, *, env, **options):
        environments.append(env)
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(subprocess, "run", started)
    assert not DRAW(tmp_path)
    (environment,) = environments
    first = Path(environment["PYTHONPATH"].split(os.pathsep)[0])
    assert (first / "figures" / "__main__.py").is_file()


def test_a_seed_counts_once(tmp_path, capsys):
    assert main(["--out", str(tmp_path), *SMALL, "--tests", "random-labels", "--seed", "0", "1", "0"]) == 2
    assert "--seed names 0 twice" in capsys.readouterr().err


def test_a_test_counts_once(tmp_path):
    chosen = ["random-labels", "corrupted-0.5", "random-labels", "corrupted-0.50"]
    configs = plan_runs(Options(tests=tuple(chosen), train_size=50, test_size=20))[2]
    assert len(configs) == len({config.hash for config in configs}) == 4


@pytest.mark.parametrize(
    ("name", "option", "flag"),
    [
        ("kernels", ["--model", "mlp-1x8"], "--model"),
        ("kernels", ["--scale", "laptop"], "--scale"),
        ("kernels", ["--crop", "6"], "--crop"),
        ("bits", ["--crop", "6"], "--crop"),
        ("bits", ["--training.momentum=0.9"], "--training.momentum"),
        ("bounds", ["--kernel.bandwidth", "0.3"], "--kernel.bandwidth"),
        ("double-descent", ["--training.learning-rate", "0.3"], "--training.learning-rate"),
        ("figure1", ["--memory", "2"], "--memory"),
        ("bits", ["--memorisation.networks", "100"], "--memorisation.networks"),
        ("memorisation", ["--bits.steps", "100"], "--bits.steps"),
        ("bits", ["--pac-bayes.steps", "100"], "--pac-bayes.steps"),
        ("pac-bayes", ["--order.radius", "0.1"], "--order.radius"),
    ],
)
def test_an_option_that_an_experiment_would_ignore_is_refused(name, option, flag, tmp_path, capsys):
    assert main([name, "--out", str(tmp_path / "out"), *option]) == 2
    assert f"{flag}: the experiment {name} does not take this option" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_default_that_is_stated_is_a_choice(tmp_path):
    words = ["table1", "--data", "digits", "--scale", "smoke", "--model", "mlp-1x8", "--crop", "6"]
    words += ["--tests", "true-labels", "--training.max_steps=60000"]  # in place of the scale's four
    configs = plan_runs(parsed(Options, "run", words))[2]
    assert {config.hyper_parameters.max_steps for config in configs} == {60_000}
    own = {"data": "digits", "model": "mlp-1x8", "tests": ("true-labels",), "crop": 6, "out": tmp_path}
    with pytest.raises(ValueError, match="are what this experiment varies"):
        run_experiment("table1", training={"weight_decay": 0}, **own)


@pytest.mark.parametrize("name", ["randomization-tests", "memorisation", "order", "pac-bayes", "capacity"])
@pytest.mark.parametrize(("size", "message"), [(0, "--train-size takes at least 1 image"), (5000, "5000|5,000")])
def test_a_size_that_the_data_do_not_have_is_refused_by_every_experiment(name, size, message):
    with pytest.raises(ValueError, match=message):
        plan_runs(Options(name, train_size=size), load("digits"))


@pytest.mark.parametrize(("option", "value"), [("scale", "Paper"), ("device", "gpu"), ("data_decoder", "jpeg")])
def test_a_choice_from_python_is_one_of_the_command_lines(option, value):
    with pytest.raises(ValueError, match=f"takes .*, got '{value}'"):
        plan_runs(Options("figure1", **{option: value}), load("digits"))


def test_labels_of_a_file_for_images_in_an_order_of_their_own_are_refused(tmp_path):
    np.save(tmp_path / "labels.npy", np.zeros(1297, np.int64))
    options = Options(data="digits", tests=(f"labels:{tmp_path / 'labels.npy'}",))
    with pytest.raises(ValueError, match="the images of digits come in an order of their own"):
        plan_runs(options)
    assert plan_runs(options, load("digits"))[2], "whoever has loaded them knows the order"


def test_a_size_of_images_that_keep_theirs_is_refused():
    with pytest.raises(ValueError, match="the images of digits keep their size"):
        plan_runs(Options(data="digits", image_size=16))


def test_sizes_of_one_experiment_are_part_of_its_runs():
    digits = load("digits")
    (many,) = plan_runs(
        Options("memorisation", tests=("true-labels",), memorisation=MemorisationSettings(networks=300)), digits
    )[2]
    assert many.study_of(MemorisationConfig).networks == 300
    (long,) = plan_runs(Options("bits", model="mlp-1x8", bits=BitsSettings(steps=7)), digits)[2]
    assert long.study_of(BitsConfig).steps == 7
    tight, _ = plan_runs(Options("pac-bayes", pac_bayes=PacBayesSettings(steps=9)), digits)[2]
    assert tight.study_of(PacBayesConfig).steps == 9
    (wide,) = plan_runs(Options("order", tests=("true-labels",), order=OrderSettings(radius=0.3)), digits)[2]
    assert wide.study_of(OrderConfig).radius == 0.3


def test_records_inside_a_data_set_of_the_users_are_refused(tmp_path, capsys):
    for name in "ab":
        (tmp_path / name).mkdir()
        for at in range(5):
            Image.new("RGB", (4, 4), at).save(tmp_path / name / f"{at}.png")
    assert main(["--data", "folder", "--data-root", str(tmp_path), "--out", str(tmp_path / "runs")]) == 2
    assert "lies in the data set's folder" in capsys.readouterr().err


# A run that writes a checkpoint after every epoch, in a process of its own.
DRIVER = """
import sys
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
import empirical.report.run_report, empirical.runs.checkpoint_interval
empirical.runs.checkpoint_interval.SECONDS_BETWEEN_CHECKPOINTS = 0
empirical.report.run_report._draw = lambda out: True
from empirical.run import main
sys.exit(main(sys.argv[1:]))
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_epochs(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    wait_for_lines(out, count, lambda: process.poll() is None)


def wait_for_lines(out: Path, count: int, alive: Callable[[], bool]) -> None:
    while alive():
        lines = sum(len(path.read_bytes().splitlines()) for path in out.glob("*/metrics.jsonl"))
        if lines >= count:
            return
        time.sleep(0.01)


def test_kill_at_any_moment_then_the_same_command(tmp_path):
    """kill -9 five times along two runs; the outcome equals that of an undisturbed job to the bit."""
    arguments = ["--train-size", "300", "--test-size", "60", "--tests", "corrupted-0.5", "random-labels"]
    assert main(["--out", str(tmp_path / "undisturbed"), *arguments]) == 0
    total = sum(len(run.epochs) for run in read_runs(tmp_path / "undisturbed"))
    out, random, kills = tmp_path / "killed", np.random.default_rng(0), 0
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        process = start("--out", str(out), *arguments)
        wait_for_epochs(out, int(share * total), process)
        time.sleep(0.02 * random.random())
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills >= 4
    process = start("--out", str(out), *arguments)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "finished before" in output
    assert metrics(out) == metrics(tmp_path / "undisturbed")
    for run, reference in zip(read_runs(out), read_runs(tmp_path / "undisturbed"), strict=True):
        assert [e.train_loss for e in run.epochs] == [e.train_loss for e in reference.epochs]


@pytest.mark.slow
def test_a_hundred_kills_over_a_sweep_lose_nothing(tmp_path):
    """kill -9 a hundred times, spread over a sweep of tests and seeds with dropout; the same results.csv."""
    arguments = ["randomization-tests", "--train-size", "300", "--test-size", "60", "--seed", "0", "1"]
    arguments += ["--tests", "corrupted-0.5", "random-labels", "--training.dropout", "0.2"]
    assert main([*arguments, "--out", str(tmp_path / "undisturbed")]) == 0
    total = sum(len(run.epochs) for run in read_runs(tmp_path / "undisturbed"))
    out, random = tmp_path / "killed", np.random.default_rng(0)
    # Children of a server that has imported everything already: a start takes no seconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["empirical.run"])
    for share in np.linspace(0, 0.95, 100):
        process = context.Process(target=main, args=([*arguments, "--out", str(out)],))
        process.start()
        wait_for_lines(out, int(share * total), process.is_alive)
        time.sleep(0.05 * random.random())
        assert process.is_alive(), "it must be killed, not done"
        process.kill()
        process.join()
    process = start(*arguments, "--out", str(out))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert metrics(out) == metrics(tmp_path / "undisturbed")
    assert (out / "results.csv").read_bytes() == (tmp_path / "undisturbed" / "results.csv").read_bytes()


def test_smoke_scale_of_the_papers_tables(real_cifar10, tmp_path):
    """Convolutional networks, augmentation and weight decay, end to end, four steps each."""
    arguments = ["table1", "--data-root", str(real_cifar10), "--scale", "smoke", "--train-size", "40"]
    assert main([*arguments, "--test-size", "20", "--model", "alexnet", "--out", str(tmp_path)]) == 0
    runs = read_runs(tmp_path)
    assert len(runs) == 5
    assert {run.config.training.augmentation for run in runs} == {"none", "crop"}
    assert all(run.summary.metrics["step"] == 4 for run in runs)
    assert all(run.summary.metrics["parameters"] == 1_387_786 for run in runs)
    assert all(run.summary.metrics["distance_from_initialisation"] > 0 for run in runs)
    decayed, plain = (
        next(run for run in runs if run.config.training.augmentation == "none" and run.config.title == title)
        for title in ("true labels, alexnet, weight decay 0.0001", "true labels, alexnet")
    )
    assert decayed.summary.metrics["train_loss"] != plain.summary.metrics["train_loss"]


def test_interrupt_says_how_to_go_on(tmp_path):
    process = start("--out", str(tmp_path), "--tests", "random-labels")
    wait_for_epochs(tmp_path, 5, process)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"to go on: python -m empirical.run --out {tmp_path} --tests random-labels" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["randomization-test"], "did you mean 'randomization-tests'"),
        (["--data", "cifar"], "did you mean 'cifar10'"),
        (["--model", "mlp-1by512"], "did you mean 'mlp-1x512'"),
        (["--model", "no.such:thing"], "no module 'no'"),
        (["--tests", "random-label"], "did you mean 'random-labels'"),
        (["--tests", "corrupted-2"], "corrupted-P takes a probability P in 0 .. 1, got '2'"),
        (["--seed", "-1"], "--seed takes non-negative integers, got -1"),
        (["distance", "--data", "digits", "--train-size", "1"], "--train-size: distance is of images from each other"),
        (["interpolants", "--train-size", "1"], "--train-size: interpolants is about images and their neighbours"),
        (["--train-size", "0"], "--train-size takes at least 1 image, got 0"),
        (["--training.optimizer", "adam"], "unknown name 'adam': torch's Adam is torch.optim:Adam; it is given"),
        (["--training.optimizer", "gradient"], "or package.module:factory, as torch.optim:Adam"),
        (["--lr", "0.1"], "there is no option --lr: the step size is --training.learning-rate"),
        (["--batch_size=32"], "there is no option --batch_size: the batch size is --training.batch-size"),
        (["--out", "/proc/nowhere"], "/proc/nowhere"),
        (["--train-size", "9999"], "9999 images asked for, of a split that contains 1297"),
        (["--data", "cifar10", "--data-root", "nowhere"], "data_batch_1.bin"),
        (["--image-size", "0"], "--image-size takes a side of at least one pixel, got 0"),
        (["--crop", "0"], "--crop takes a side of at least one pixel, got 0"),
        (["--memory", "-1"], "--memory takes gigabytes, more than 0, got -1"),
        (["--pipeline", "mine:loader"], "--pipeline is of diagnose"),
        (["--out", __file__], "is a file: name a directory"),
    ],
)
def test_bad_arguments_write_nothing(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_cuda_without_a_device(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["--device", "cuda", "--out", str(tmp_path / "out")]) == 2
    assert "no CUDA device; use --device cpu" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--training.batch-size", "0"], "batch_size must be positive and finite, got 0"),
        (["--training.learning-rate", "nan"], "learning_rate must be positive and finite, got nan"),
        (["--training.momentum", "-1"], "momentum must be at least 0 and finite"),
        (["--seed", "one"], "--seed"),
        (["--device", "tpu"], "auto"),
        (["--sede", "1"], "--seed"),
    ],
)
def test_a_wrong_value_names_its_option(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_help_and_list(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "--data-root" in capsys.readouterr().out
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    for name in ("randomization-tests", "cifar10", "mlp-3x512", "gaussian"):
        assert name in listed


def test_a_failing_run_does_not_stop_the_others(tmp_path, capsys):
    """A learning rate that diverges fails the trained run; the explicit one is recorded, and the exit status is 1."""
    arguments = ["--tests", "true-labels", "--training.learning-rate", "1e30", "--out", str(tmp_path), *SMALL]
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert "failed: true labels, mlp-1x512: the training loss became" in captured.err
    assert [run.config.kind for run in read_runs(tmp_path)] == ["explicit"]


def test_where_every_run_fails_only_the_reasons_are_given(tmp_path, capsys):
    arguments = ["table1", "--data", "digits", "--model", "mlp-1x8", "--tests", "random-labels", *SMALL]
    assert main([*arguments, "--training.learning-rate", "1e30", "--out", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == captured.err.count("failed: random labels, mlp-1x8") == 1
    assert "not decided" not in captured.out


def test_a_network_that_breaks_does_not_stop_the_others(tmp_path, capsys, monkeypatch):
    (tmp_path / "broken_e2e.py").write_text(
        "import math, torch\n"
        "class Breaking(torch.nn.Flatten):\n"
        "    def forward(self, images):\n"
        "        if len(images) > 10: raise RuntimeError('too many images')\n"
        "        return super().forward(images)\n"
        "def network(image_shape, num_classes):\n"
        "    return torch.nn.Sequential(Breaking(), torch.nn.Linear(math.prod(image_shape), num_classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["--model", "broken_e2e:network", "--tests", "gaussian", "--out", "out", *SMALL]) == 1
    errors = capsys.readouterr().err
    assert "failed: Gaussian, broken_e2e:network: RuntimeError: too many images" in errors
    assert [run.config.kind for run in read_runs(tmp_path / "out")] == ["explicit"]
    sys.modules.pop("broken_e2e", None)


def test_a_folder_of_one_class_is_refused(tmp_path, monkeypatch, capsys):
    from PIL import Image

    (tmp_path / "images" / "cats").mkdir(parents=True)
    for index in range(5):
        Image.new("RGB", (8, 8), (index, 0, 0)).save(tmp_path / "images" / "cats" / f"{index}.png")
    monkeypatch.chdir(tmp_path)
    assert main(["--data", "folder", "--data-root", "images"]) == 2
    assert "folder: there is nothing to tell apart with one class only, 'cats'" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_your_own_model_optimiser_and_images(tmp_path, monkeypatch):
    from PIL import Image

    random = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(20):
            pixels = random.integers(0, 256, (12, 10, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{index}.png")
    (tmp_path / "mine_e2e.py").write_text(
        "import torch\n"
        "def network(image_shape, num_classes):\n"
        "    size = image_shape[0] * image_shape[1] * image_shape[2]\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, num_classes))\n"
        "def optimizer(parameters, learning_rate):\n"
        "    return torch.optim.Adam(parameters, lr=learning_rate)\n"
    )
    monkeypatch.chdir(tmp_path)
    arguments = [
        "--data",
        "folder",
        "--data-root",
        "images",
        "--image-size",
        "8",
        "--model",
        "mine_e2e:network",
    ]
    arguments += ["--training.optimizer", "mine_e2e:optimizer", "--tests", "random-labels", "--out", "out"]
    assert main(arguments) == 0
    trained = next(run for run in read_runs(tmp_path / "out") if run.config.kind == "trained")
    assert trained.summary.metrics["fitted"]
    assert trained.config.optimizer_source == trained.config.model_source != ""
    sys.modules.pop("mine_e2e", None)


def test_table_2_runs_and_is_in_the_report(tmp_path, monkeypatch, capsys):
    """Inception V3 with and without dropout and weight decay, two steps each, on images of 75 x 75 pixels."""
    pytest.importorskip("torchvision")
    from PIL import Image

    random = np.random.default_rng(0)
    for label in range(30):
        (tmp_path / "images" / f"{label:02}").mkdir(parents=True)
        pixels = random.integers(0, 256, (75, 75, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{label:02}" / "0.png")
    monkeypatch.chdir(tmp_path)
    arguments = ["table2", "--data", "folder", "--data-root", "images", "--image-size", "75", "--scale", "smoke"]
    arguments += ["--tests", "random-labels", "--train-size", "6", "--test-size", "6", "--training.max-steps", "2"]
    assert main([*arguments, "--out", "out"]) == 0
    runs = read_runs(tmp_path / "out")
    assert {(run.config.training.dropout, run.config.training.weight_decay) for run in runs} == {
        (None, 0.0),
        (None, 4e-5),
        (0.2, 4e-5),
    }
    assert all("test_top_5_accuracy" in run.summary.metrics for run in runs)
    assert draw(["out"]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Table 2: ImageNet, top-1 (top-5) accuracy" in page
    assert "<h3>Table 1" not in page, "Inception V3 has a table of its own"
    printed = capsys.readouterr().out
    assert "95.20 (99.14)" in printed
    assert "inception-v3" in printed


@pytest.mark.slow
def test_real_cifar10_whole(real_cifar10, tmp_path):
    """Two epochs of the whole 50,000 images."""
    arguments = ["--data", "cifar10", "--data-root", str(real_cifar10), "--tests", "random-labels"]
    assert main([*arguments, "--training.max-steps", "782", "--out", str(tmp_path)]) == 0
    trained = next(run for run in read_runs(tmp_path) if run.config.kind == "trained")
    assert trained.config.n_train == 50_000
    assert trained.epochs[-1].train_loss < trained.epochs[0].train_loss


def test_real_cifar10_part(real_cifar10, tmp_path):
    arguments = [
        "--data",
        "cifar10",
        "--data-root",
        str(real_cifar10),
        "--train-size",
        "400",
        "--test-size",
        "200",
    ]
    assert main([*arguments, "--tests", "random-labels", "--out", str(tmp_path)]) == 0
    assert all(run.summary.metrics["fitted"] for run in read_runs(tmp_path))

"""The experiment `kernels`: from images to records, by the command line and below it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from empirical.datasets import load
from empirical.experiments.kernels import plan_kernels
from empirical.experiments.settings import KernelSettings, Settings
from empirical.kernels.config import KernelConfig
from empirical.kernels.interpolation import interpolate_images, parse_kernel
from empirical.randomization import TRUE_LABELS, parse_test, randomize
from empirical.run import main
from empirical.runs.records import read_config, read_runs
from tests.simulated_cuda import simulated_cuda
from theory.kernels import Gaussian, KernelInterpolationClassifier, NeuralTangent, Polynomial

SMALL = ["kernels", "--train-size", "150", "--test-size", "80"]


@pytest.fixture(autouse=True)
def kernel_runs_alone(monkeypatch):
    """No figures, none of the theory's claims: other tests are for these."""
    monkeypatch.setattr("empirical.report.run_report._draw", lambda out: True)
    monkeypatch.setattr("empirical.report.run_report.theory_findings", lambda seed, records: [])


@pytest.fixture(scope="module")
def digits():
    return load("digits").subset(300, 200)


@pytest.fixture(scope="module")
def kernel_job(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("empirical.report.run_report._draw", lambda out: True)
        patch.setattr("empirical.report.run_report.theory_findings", lambda seed, records: [])
        assert main([*SMALL, "--out", str(out)]) == 0
    return out


def metrics(out: Path) -> dict[str, str]:
    return {
        path.parent.name: json.dumps(json.loads(path.read_text())["metrics"]) for path in out.glob("*/summary.json")
    }


def test_the_experiment_records_what_it_measures(kernel_job):
    runs = read_runs(kernel_job)
    assert len(runs) == 6, "pixels and gabor; true, random, and random labels forced on the test images"
    for run in runs:
        measured = run.summary.metrics
        assert measured["fitted"]
        assert measured["train_accuracy"] == 1
        assert measured["converged"]
        assert measured["distance_bound"] <= 1e-3 * measured["norm"]
        assert measured["norm_lower_bound"] <= measured["norm"] * (1 + 1e-12)
        assert not list(run.path.glob("scratch")), "the checkpoint goes with the end of the run"
        assert read_config(run.path) == run.config
        assert run.summary.time["planned_bytes"] > 0
    claims = {claim["id"]: claim for claim in json.loads((kernel_job / "claims.json").read_text())}
    bears_on = {name for name, claim in claims.items() if any("kernels" in f["subject"] for f in claim["findings"])}
    assert bears_on == {"C25", "C26", "C27", "C28", "kernel-random-labels"}
    (finding,) = [f for f in claims["C25"]["findings"] if "kernels" in f["subject"]]
    assert finding["verdict"] == "holds"


def test_finished_runs_are_not_repeated(kernel_job, capsys, monkeypatch):
    monkeypatch.setattr("empirical.claimed_run.execute", lambda *_: pytest.fail("ran again"))
    assert main([*SMALL, "--out", str(kernel_job)]) == 0
    output = capsys.readouterr().out
    assert output.count("finished before") == 6
    assert "gaussian on gabor" in output
    assert " C25 holds" in output


def test_what_a_kill_left_after_the_end_is_removed(kernel_job):
    leftovers = [path.parent / "scratch" for path in kernel_job.glob("*/summary.json")]
    for folder in leftovers:
        folder.mkdir()
        (folder / "gram.pt").write_bytes(b"large")
    assert main([*SMALL, "--out", str(kernel_job)]) == 0
    assert not any(folder.exists() for folder in leftovers)


def test_it_is_the_estimator_on_the_features(digits):
    randomized = randomize(digits, parse_test("corrupted-0.3"), 0)
    measured, used = interpolate_images(KernelConfig(leave_one_out=True), randomized, 10, seed=0)
    points = digits.train.images.reshape(300, -1).astype(np.float32) / 255
    test_points = digits.test.images.reshape(200, -1).astype(np.float32) / 255
    kernel = Gaussian(float(measured["kernel"].split("= ")[1].rstrip(")")))
    model = KernelInterpolationClassifier(kernel, precision="float64", leave_one_out=True)
    labels = randomized.data.train.labels
    model.fit(points, labels)
    assert measured["test_accuracy"] == (model.predict(test_points) == digits.test.labels).mean()
    assert measured["norm"] == pytest.approx(float(np.linalg.norm(model.norms_)), rel=1e-4)
    assert measured["leave_one_out_accuracy"] == pytest.approx(
        (model.leave_one_out_predictions_ == labels).mean(), abs=0.01
    )
    assert measured["train_accuracy_clean_labels"] == (labels == randomized.clean_labels).mean()
    assert set(used["stages"]) >= {"Gram matrix", "factorise", "solve", "evaluate", "certify"}


def test_ridge_is_for_comparison(digits):
    randomized = randomize(digits, parse_test("random-labels"), 0)
    strong, _ = interpolate_images(KernelConfig(ridge=10.0), randomized, 10, seed=0)
    plain, _ = interpolate_images(KernelConfig(), randomized, 10, seed=0)
    assert strong["norm"] < plain["norm"]
    assert not strong["fitted"]
    assert plain["fitted"]
    assert strong["norm_lower_bound"] is strong["distance_bound"] is None, "these would be of another norm"


def test_forced_labels_make_an_interpolant_that_does_not_generalise(digits):
    randomized = randomize(digits, parse_test("true-labels"), 0)
    good, _ = interpolate_images(KernelConfig(), randomized, 10, seed=0)
    bad, _ = interpolate_images(KernelConfig(interpolant="forced-test-labels"), randomized, 10, seed=0)
    assert good["fitted"]
    assert bad["fitted"]
    assert good["test_accuracy"] > 0.9
    assert bad["test_accuracy"] < 0.2
    assert bad["norm_lower_bound"] > 1.3 * good["norm"]


def test_streamed_features_are_solved_like_any_others(digits):
    pictures = load("digits").subset(120, 60)
    randomized = randomize(pictures, parse_test("true-labels"), 0)
    measured, _ = interpolate_images(KernelConfig(features="random-convolution-300"), randomized, 10, seed=0)
    assert measured["dimension"] == 2400
    assert measured["fitted"]
    assert measured["gram_error"] is None, "the features do not sit in memory: the solver's own K is certified"
    assert measured["test_accuracy"] > 0.7


# Every stage slow enough to be hit, and saved at every step.
DRIVER = """
import sys, time
import theory.kernels.gram, theory.kernels.interpolation
from empirical import run
from empirical.execution import progress
from empirical.report import run_report
theory.kernels.gram._SECONDS_BETWEEN_CHECKPOINTS = 0.0
theory.kernels.interpolation._SECONDS_BETWEEN_CHECKPOINTS = 0.0
stage = progress.RunLine.stage
def slowly(self, name, share):
    time.sleep(0.02)
    stage(self, name, share)
progress.RunLine.stage = slowly
run_report._draw, run_report.theory_findings = lambda out: True, lambda seed, records: []
sys.exit(run.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("solver", [pytest.param("cholesky", marks=pytest.mark.slow), "conjugate-gradients"])
def test_kills_lose_nothing(tmp_path, solver):
    arguments = ["kernels", "--train-size", "200", "--test-size", "60", "--tests", "true-labels"]
    arguments += ["--kernel.features", "pixels", "random-convolution-600", "--kernel.interpolant", "minimum-norm"]
    arguments += ["--kernel.solver", solver]
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    assert main([*arguments, "--out", str(undisturbed)]) == 0
    command = [sys.executable, "-c", DRIVER, *arguments, "--out", str(killed)]
    for seconds in (4.0, 5.5):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(seconds)
            os.kill(process.pid, signal.SIGKILL)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert metrics(killed) == metrics(undisturbed)


def test_what_does_not_fit_is_refused_with_its_size(tmp_path, capsys):
    assert main([*SMALL, "--out", str(tmp_path), "--memory", "0.0001", "--tests", "true-labels"]) == 1
    error = capsys.readouterr().err
    assert "does not fit in 0.00 GB" in error
    assert "points that way" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernel.features", "pixel"], "did you mean 'pixels'"),
        (["--kernel.name", "gausian"], "did you mean 'gaussian'"),
        (["--kernel.ridge", "-1"], "ridge must not be negative"),
        (["--kernel.bandwidth", "0"], "bandwidth must be positive"),
        (["--tests", "no-labels"], "--tests"),
    ],
)
def test_bad_arguments_are_found_before_anything_is_written(tmp_path, capsys, arguments, message):
    out = tmp_path / "none"
    assert main([*SMALL, "--out", str(out), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_kernel_names():
    assert parse_kernel("neural-tangent-3", 1.0) == NeuralTangent(3)
    assert parse_kernel("polynomial-2", 1.0) == Polynomial(2)
    with pytest.raises(ValueError, match="order 0 or 1"):
        parse_kernel("arc-cosine-3", 1.0)


def test_plans_and_names(digits):
    settings = Settings(device="cpu", kernel=KernelSettings(ridge=(0.0, 1.0), features=("pixels",)))
    configs = plan_kernels(digits, settings)
    assert len({config.hash for config in configs}) == len(configs) == 5
    assert {config.model for config in configs if config.kernel.interpolant == "forced-test-labels"} == {
        "gaussian on pixels, random labels forced on the test images"
    }
    assert sum(config.kernel.ridge > 0 for config in configs) == 2


def test_real_cifar10_whole_pipeline(real_cifar10, tmp_path):
    arguments = ["kernels", "--data", "cifar10", "--data-root", str(real_cifar10.parent), "--out", str(tmp_path)]
    arguments += ["--train-size", "1000", "--test-size", "500", "--data-note", "as they came"]
    assert main([*arguments, "--kernel.features", "pixels", "random-convolution-32"]) == 0
    runs = read_runs(tmp_path)
    assert all(run.summary.metrics["fitted"] for run in runs)
    true = {run.config.kernel.features: run for run in runs if run.config.model.endswith(("pixels", "convolution-32"))}
    assert all("(as they came)" in run.config.source for run in runs)
    for run in true.values():
        if run.config.randomization == TRUE_LABELS:
            assert run.summary.metrics["test_accuracy"] > 0.2, "twice chance, from 100 images a class"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu(digits):
    randomized = randomize(digits, parse_test("true-labels"), 0)
    measured, on_gpu = (
        interpolate_images(KernelConfig(), randomized, 10, seed=0, device=device)[0] for device in ("cpu", "cuda")
    )
    assert on_gpu["test_accuracy"] == pytest.approx(measured["test_accuracy"], abs=0.01)


@pytest.mark.parametrize("solver", ["cholesky", "conjugate-gradients"])
def test_on_a_simulated_gpu(digits, solver):
    """The same numbers up to rounding; vectors of conjugate gradients are where the matrix is at every iteration."""
    randomized, config = randomize(digits, parse_test("true-labels"), 0), KernelConfig(solver=solver)
    expected = interpolate_images(config, randomized, 10, seed=0)[0]
    with simulated_cuda() as device:
        simulated = interpolate_images(config, randomized, 10, seed=0, device="cuda")[0]
    assert simulated.keys() == expected.keys()
    rounding = ("relative_residual", "max_residual", "gram_error", "distance_bound")
    for name, value in expected.items():
        if name in rounding:
            assert simulated[name] < 100 * value + 1e-9, name
        elif isinstance(value, float):
            # The bounds are met from below, and condition numbers of 1e4 leave 1e-8 of float64's digits and more.
            assert simulated[name] == pytest.approx(value, rel=1e-4), name
    if solver == "conjugate-gradients":
        crossings = [place for place in device.synchronisations if place.startswith("theory/kernels/panels.py")]
        assert len(crossings) < 10 < simulated["iterations"]


def test_leftovers_of_another_run_are_not_used(tmp_path):
    assert main([*SMALL, "--out", str(tmp_path), "--tests", "true-labels", "--kernel.features", "pixels"]) == 0
    before = metrics(tmp_path)
    for path in tmp_path.glob("*/summary.json"):
        path.unlink()
        shutil.rmtree(path.parent / "scratch", ignore_errors=True)
        (path.parent / "scratch").mkdir()
        (path.parent / "scratch" / "key.txt").write_text("another")
        (path.parent / "scratch" / "gram.pt").write_bytes(b"what another run left")
    assert main([*SMALL, "--out", str(tmp_path), "--tests", "true-labels", "--kernel.features", "pixels"]) == 0
    assert metrics(tmp_path) == before

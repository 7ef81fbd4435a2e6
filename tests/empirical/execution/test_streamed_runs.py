"""Whole runs whose images are not in memory: the runs they would have been in memory, to the bit."""

import json
import os
from functools import partial
from pathlib import Path

import pytest

from empirical.datasets import load
from empirical.datasets.preprocessing import preprocess
from empirical.execution.execute import execute
from empirical.experiments.randomization_tests import plan_randomization_tests
from empirical.experiments.settings import Settings
from empirical.randomization import randomize
from empirical.run import main
from empirical.runs.preparation import prepare_training
from empirical.runs.records import RunDirectory
from empirical.training.batches import Batches
from empirical.training.config import TrainingConfig
from empirical.training.distributed import ALONE, Ranks
from empirical.training.streamed_images import StreamedData
from tests.empirical.made_up_images import labelled, write_folder, write_parquet
from tests.empirical.training.test_distributed import on_ranks
from theory.label_noise import corrupt_labels

TESTS = ["corrupted-0.5", "random-labels", "shuffled-pixels", "random-pixels", "gaussian"]


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    """Others test it."""
    monkeypatch.setattr("empirical.job.report_runs", lambda *_: True)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("imagenet"))


def arguments(root: Path, out: Path, *more: str) -> list[str]:
    where = ["--data", "imagenet", "--data-root", str(root), "--image-size", "12", "--crop", "10", "--out", str(out)]
    training = ["--training.max-steps", "24", "--training.min-steps", "24", "--training.batch-size", "5"]
    return [*where, "--model", "mlp-1x16", "--device", "cpu", *training, *more]


def records(out: Path) -> dict[str, tuple[list, dict]]:
    """The epochs and metrics of each trained run, without seconds."""
    results = {}
    for path in sorted(out.glob("*mlp*/metrics.jsonl")):
        epochs = [json.loads(line) for line in path.read_text().splitlines()]
        for epoch in epochs:
            del epoch["seconds"]
        metrics = json.loads((path.parent / "summary.json").read_text())["metrics"]
        metrics.pop("colour_statistics_accuracy", None)  # measured of images in memory alone
        results[path.parent.name] = epochs, metrics
    return results


def test_runs_are_the_same_wherever_their_images_are(root, tmp_path):
    """Every test, under augmentation too; parquet has other names for the same images, so another directory."""
    storages = ("memory", "stream", "memmap")
    for storage in storages:
        for more in (["--tests", *TESTS], ["--tests", "random-labels", "--training.augmentation", "resized-crop"]):
            stored = ["--data-storage", storage, "--data-map", str(tmp_path / "maps")]
            assert main(arguments(root, tmp_path / storage, *stored, *more)) == 0
    in_memory, *streamed = (records(tmp_path / storage) for storage in storages)
    assert len(in_memory) == len(TESTS) + 1
    assert len({json.dumps(run) for run in in_memory.values()}) == len(in_memory), "the tests differ"
    for copies in streamed:
        assert copies == in_memory


def test_images_that_the_device_does_not_hold_as_float32_are_streamed_from_memory(root, tmp_path, monkeypatch):
    for free, out in ((10**12, "resident"), (1_000, "streamed")):
        monkeypatch.setattr("empirical.runs.preparation.available_memory", lambda device, free=free: free)
        config, dataset = config_and_data(root, "memory")
        assert isinstance(prepare_training(config, randomize(dataset, config.randomization, 0))[1], StreamedData) == (
            out == "streamed"
        )
        carried_out(root, tmp_path / out, ALONE, "memory")
    assert records(tmp_path / "resident") == records(tmp_path / "streamed") != {}


def test_parquet_gives_the_run_of_the_folder(root, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow: the extra imagenet")
    write_parquet(tmp_path / "parquet", {"train": labelled(root / "train"), "validation": labelled(root / "val")})
    for data, out in ((root, tmp_path / "a"), (tmp_path / "parquet", tmp_path / "b")):
        assert main(arguments(data, out, "--tests", "random-labels", "--data-storage", "stream")) == 0
    (folder,), (parquet,) = (list(records(tmp_path / out).values()) for out in "ab")
    assert parquet == folder


class KilledError(Exception):
    pass


class Killer:
    """A watcher that kills the run at an epoch."""

    def __init__(self, at: int | None):
        self._at = at

    def epoch(self, record) -> None:
        if record.epoch == self._at:
            raise KilledError

    def stage(self, name: str, share: float) -> None:
        pass


def config_and_data(root: Path, storage: str):
    dataset = load("imagenet", root, image_size=12, storage=storage, map_directory=root.parent / "maps")
    training = TrainingConfig(max_steps=24, min_steps=24, batch_size=5, augmentation="crop")
    settings = Settings("mlp-1x16", ("random-labels",), "cpu", training=training, crop=10)
    return plan_randomization_tests(dataset, settings)[0], dataset


def test_a_run_goes_on_from_another_storage(root, tmp_path, monkeypatch):
    monkeypatch.setattr("empirical.runs.checkpoint_interval.SECONDS_BETWEEN_CHECKPOINTS", 0.0)  # after every batch
    monkeypatch.setattr("empirical.runs.checkpoint_interval._LARGEST_SHARE", float("inf"))
    for at, storage in ((2, "stream"), (4, "memory"), (None, "memmap")):
        config, dataset = config_and_data(root, storage)
        directory = RunDirectory(tmp_path / "killed", config)
        with directory.claim():
            try:
                execute(config, dataset, directory, Killer(at))
            except KilledError:
                assert at
                assert directory.load_state().step % 5 == 4, "within an epoch"
    config, dataset = config_and_data(root, "stream")
    undisturbed = RunDirectory(tmp_path / "undisturbed", config)
    with undisturbed.claim():
        execute(config, dataset, undisturbed, Killer(None))
    assert records(tmp_path / "killed") == records(tmp_path / "undisturbed") != {}


def carried_out(root: Path, out: Path, ranks: Ranks, storage: str = "stream") -> None:
    config, dataset = config_and_data(root, storage)
    directory = RunDirectory(out, config)
    if not ranks.first:
        return execute(config, dataset, directory, Killer(None), ranks=ranks)
    with directory.claim():
        return execute(config, dataset, directory, Killer(None), ranks=ranks)


def test_two_ranks_read_their_shares(root, tmp_path):
    """Sums over two ranks are in another order: the curve is that of one rank up to rounding."""
    carried_out(root, tmp_path / "one", ALONE)
    (tmp_path / "processes").mkdir()
    on_ranks(2, partial(carried_out, root, tmp_path / "two"), tmp_path / "processes")
    ((single, _),) = records(tmp_path / "one").values()
    ((shared, _),) = records(tmp_path / "two").values()
    assert [epoch["train_loss"] for epoch in shared] == pytest.approx(
        [epoch["train_loss"] for epoch in single], rel=1e-3
    )
    assert single[-1]["train_loss"] < 0.9 * single[0]["train_loss"]


@pytest.mark.parametrize("storage", ["memory", "stream"])
def test_no_loader_bypasses_the_labels_of_real_images(storage):
    """What the training loop is given: each image is found by its pixels, and the label beside it is the drawn one."""
    pytest.importorskip("torchvision", reason="needs torchvision: the extra imagenet")
    real = Path(os.environ.get("RETHINKING_DATA", "data")) / "imagenet-sample"
    if not real.is_dir():
        pytest.skip("needs real JPEGs: set RETHINKING_DATA to the folder that holds imagenet-sample")
    dataset = load("folder", real, image_size=75, storage=storage)
    settings = Settings("inception-v3", ("random-labels",), "cpu", n_train=250, n_test=50, crop=75)
    config = plan_randomization_tests(dataset, settings)[0]
    randomized = randomize(dataset.subset(250, 50), config.randomization, config.seed)
    _, data = prepare_training(config, randomized)
    samples = {images.numpy().tobytes(): i for i, images in enumerate(preprocess(dataset.train.stored[:250], 75))}
    assert len(samples) == 250
    expected = corrupt_labels(dataset.train.labels[:250], 1000, 1.0, config.seed)
    assert (expected != dataset.train.labels[:250]).mean() > 0.97, "one in 1,000 is drawn again: 2 of 250 are unlikely"
    orders = []
    for epoch in (1, 2):
        label_of: dict[int, int] = {}
        for images, labels, _ in Batches(data, config.training, config.seed, epoch).starting(0):
            label_of |= {
                samples[image.contiguous().numpy().tobytes()]: int(label)
                for image, label in zip(images, labels, strict=True)
            }
        orders.append(list(label_of))
        assert [label_of[sample] for sample in range(250)] == list(expected)
    assert orders[0] != orders[1]


def test_plan_of_images_that_memory_will_not_hold(root, tmp_path, capsys, monkeypatch):
    """The sample would fit: the plan is of the whole, streamed."""
    monkeypatch.setattr("empirical.datasets.storage.total_memory", lambda: 2_000_000_000)
    whole = ["--plan.train-images", "1281167", "--plan.test-images", "50000", "--plan.seconds", "0.5"]
    assert main(["plan", *arguments(root, tmp_path / "out", "--tests", "true-labels", *whole)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "images: read ahead; the time has their decoding" in printed
    assert "it takes 575 MB of disk" in printed
    assert "IT DOES NOT FIT" not in printed


@pytest.mark.parametrize("storage", ["memory", "memmap"])
def test_a_plan_makes_no_memory_map_and_decodes_a_sample(root, tmp_path, storage):
    stored = ["--data-storage", storage, "--data-map", str(tmp_path / "maps"), "--plan.seconds", "0.5"]
    assert main(["plan", *arguments(root, tmp_path / "out", "--tests", "true-labels", *stored)]) == 0
    assert not list(tmp_path.iterdir())

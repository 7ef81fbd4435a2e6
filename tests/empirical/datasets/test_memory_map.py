import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from empirical.datasets import memory_map
from empirical.datasets.lazy_images import ComputedImages
from empirical.datasets.memory_map import mapped_images

N = 40
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 3, 6, 6), np.uint8)
ORDER = np.random.default_rng(1).permutation(N)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(memory_map, "_CHUNK", 4)


def counted(reads, fail_at=None):
    """The images, read in an order of their own; notes which, and fails at one of them."""

    def read(samples):
        reads.extend(samples.tolist())
        if fail_at in samples:
            raise ValueError("an image is damaged")
        return PIXELS[samples]

    return ComputedImages(PIXELS.shape, PIXELS.dtype, read, ORDER)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("workers", [1, 3])
def test_made_once_then_used_again(tmp_path, workers, capsys):
    reads = []
    path = tmp_path / "maps" / "train.npy"
    mapped = mapped_images(counted(reads), "id", path, workers)
    assert (
        "train.npy: 40 images take 0.0 GB of disk, of which 0.0 GB are still to be written" in capsys.readouterr().err
    )
    again = mapped_images(counted(reads), "id", path, workers)
    assert capsys.readouterr().err == ""
    assert sorted(reads) == list(range(N))
    for images in (mapped, again):
        assert np.array_equal(images[:], PIXELS)
        assert np.array_equal(images[[7, 0, 7]], PIXELS[[7, 0, 7]])
        assert images.histogram().tolist() == np.bincount(PIXELS.ravel(), minlength=256).tolist()
    assert files(path.parent) == ["train.json", "train.lock", "train.npy"]
    assert np.array_equal(np.load(path), PIXELS)  # a plain array file, for any other program


def test_of_other_images_it_is_made_anew(tmp_path):
    path = tmp_path / "train.npy"
    mapped_images(ComputedImages(PIXELS.shape, PIXELS.dtype, lambda samples: 255 - PIXELS[samples]), "other", path)
    assert np.array_equal(mapped_images(counted([]), "id", path)[:], PIXELS)


@pytest.mark.parametrize("damage", ["no json", "torn json", "short array", "no array"])
def test_half_a_map_is_not_taken_for_a_whole_one(tmp_path, damage):
    path = tmp_path / "train.npy"
    mapped_images(counted([]), "id", path)
    match damage:
        case "no json":
            path.with_suffix(".json").unlink()
        case "torn json":
            path.with_suffix(".json").write_text('{"identity": "id", "sha')
        case "short array":
            os.truncate(path, path.stat().st_size - 1)
        case "no array":
            path.unlink()
    reads = []
    assert np.array_equal(mapped_images(counted(reads), "id", path)[:], PIXELS)
    assert sorted(reads) == list(range(N))


def test_after_an_error_it_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "train.npy"
    with pytest.raises(ValueError, match="an image is damaged"):
        mapped_images(counted([], fail_at=ORDER[30]), "id", path, workers=1)
    chunks = [json.loads(line)[0] for line in path.with_suffix(".done").read_text().splitlines()[1:]]
    assert chunks
    with path.with_suffix(".done").open("a") as log:
        log.write("[9, [0, 0,")  # torn by a kill
    reads = []
    images = mapped_images(counted(reads), "id", path, workers=1)
    finished = {sample for number in chunks for sample in ORDER[4 * number : 4 * number + 4].tolist()}
    assert sorted(reads) == sorted(set(range(N)) - finished)
    assert np.array_equal(images[:], PIXELS)
    assert images.histogram().sum() == PIXELS.size


def test_a_log_of_another_map_does_not_count(tmp_path):
    path = tmp_path / "train.npy"
    with pytest.raises(ValueError, match="damaged"):
        mapped_images(counted([], fail_at=ORDER[30]), "old", path, workers=1)
    reads = []
    assert np.array_equal(mapped_images(counted(reads), "id", path)[:], PIXELS)
    assert sorted(reads) == list(range(N))


@pytest.mark.parametrize("damage", ["journal", "header"])
def test_what_lost_power_is_begun_again(tmp_path, damage):
    path = tmp_path / "train.npy"
    with pytest.raises(ValueError, match="an image is damaged"):
        mapped_images(counted([], fail_at=int(ORDER[-1])), "id", path)
    journal, partial = path.with_suffix(".done"), path.with_suffix(".partial")
    if damage == "journal":
        key, *lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(key + b"\0" * 30 + b"\n" + b"".join(lines))
    else:
        partial.write_bytes(b"")
    assert np.array_equal(mapped_images(counted([]), "id", path)[:], PIXELS)


def test_killed_before_it_got_its_name(tmp_path, monkeypatch):
    path = tmp_path / "train.npy"
    replace = Path.replace

    def killed(self, target):
        if Path(target).suffix == ".npy":
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            mapped_images(counted([]), "id", path)
    assert not path.exists()
    reads = []
    assert np.array_equal(mapped_images(counted(reads), "id", path)[:], PIXELS)
    assert reads == []


def test_a_disk_that_is_too_small(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_map.shutil, "disk_usage", lambda path: _Usage(4319))
    with pytest.raises(
        ValueError, match=r"0\.0 GB are free: make room.*--data-map.*--image-size.*--data-storage stream"
    ):
        mapped_images(counted([]), "id", tmp_path / "train.npy")
    assert files(tmp_path) == ["train.lock"]
    monkeypatch.setattr(memory_map.shutil, "disk_usage", lambda path: _Usage(4320))
    mapped_images(counted([]), "id", tmp_path / "train.npy")


class _Usage:
    def __init__(self, free):
        self.free = free


def test_a_disk_that_fills_up(tmp_path, monkeypatch):
    write, calls = os.pwrite, []

    def full_after_ten(*arguments):
        calls.append(1)
        if len(calls) > 10:
            raise OSError(28, "No space left on device")
        return write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full_after_ten)
        with pytest.raises(
            OSError, match=r"the disk is full after .* of 10 parts .* same command again, which goes on"
        ):
            mapped_images(counted([]), "id", tmp_path / "train.npy", workers=1)
    reads = []
    assert np.array_equal(mapped_images(counted(reads), "id", tmp_path / "train.npy")[:], PIXELS)
    assert len(reads) == N - 8


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(memory_map, "_locked", refuse)
    with pytest.raises(OSError, match="Read-only file system: name another folder for memory maps with --data-map"):
        mapped_images(counted([]), "id", tmp_path / "train.npy")


SLOW = """
import sys, time
from pathlib import Path
import numpy as np
from empirical.datasets import memory_map
from empirical.datasets.lazy_images import ComputedImages

memory_map._CHUNK = 4
pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 6, 6), np.uint8)

def read(samples):
    time.sleep(0.1)
    return pixels[samples]

memory_map.mapped_images(ComputedImages(pixels.shape, pixels.dtype, read), "id", Path(sys.argv[1]), workers=2)
"""


def test_killed_and_gone_on(tmp_path):
    path = tmp_path / "train.npy"
    log = path.with_suffix(".done")
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(path)], cwd=Path(memory_map.__file__).parents[2])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.is_file() and log.read_text().count("\n") >= 4):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not path.exists()
    chunks = [json.loads(line)[0] for line in log.read_text().splitlines()[1:]]
    assert 3 <= len(chunks) < 10
    reads = []
    images = mapped_images(
        ComputedImages(PIXELS.shape, PIXELS.dtype, lambda samples: reads.extend(samples) or PIXELS[samples]), "id", path
    )
    undisturbed = mapped_images(counted([]), "id", tmp_path / "other.npy")
    assert path.read_bytes() == (tmp_path / "other.npy").read_bytes()
    assert images.histogram().tolist() == undisturbed.histogram().tolist()
    assert len(reads) == N - 4 * len(chunks)  # nothing that was finished is made again


def test_of_two_processes_one_makes_it(tmp_path):
    path = tmp_path / "train.npy"
    command = [sys.executable, "-c", SLOW, str(path)]
    processes = [
        subprocess.Popen(command, cwd=Path(memory_map.__file__).parents[2], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    messages = [process.communicate(timeout=100)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(bool(text) for text in messages) == [False, True]
    assert np.array_equal(np.load(path), PIXELS)

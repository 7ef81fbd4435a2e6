"""Tensors are written whole, without a second copy where they are large, and with the system's own errors."""

import gc
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from theory.common import tensor_files
from theory.common.tensor_files import load_tensors, save_tensors
from theory.kernels.checkpoint import Checkpoint

TENSOR = torch.arange(2**21, dtype=torch.float64)  # 16 MiB


def test_a_gram_matrix_is_not_copied_to_be_saved(tmp_path):
    """A copy of the matrix of 60,000 images took 9 GB that no plan had counted."""
    checkpoint = Checkpoint(tmp_path, "key")
    tracemalloc.start()
    try:
        checkpoint.save_gram({"training": [TENSOR]}, wait=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < TENSOR.nbytes / 8
    content = checkpoint.load_gram()
    assert content is not None
    assert torch.equal(content["training"][0], TENSOR)


def in_this_thread(path: Path) -> None:
    save_tensors(path, {"tensor": TENSOR})


def in_another_thread(path: Path) -> None:
    with ThreadPoolExecutor(max_workers=1) as threads:
        threads.submit(in_this_thread, path).result()


@pytest.mark.parametrize("save", [in_this_thread, in_another_thread])
def test_what_is_saved_is_read(tmp_path, save):
    save(tmp_path / "file.pt")
    assert torch.equal(load_tensors(tmp_path / "file.pt")["tensor"], TENSOR)
    assert [path.name for path in tmp_path.iterdir()] == ["file.pt"]


@pytest.fixture
def full_disk(monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("a device that is always full is Linux's")

    @contextmanager
    def full(path):
        yield Path("/dev/full")

    monkeypatch.setattr(tensor_files, "replacing", full)


@pytest.mark.parametrize("save", [in_this_thread, in_another_thread])
@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_the_systems_own_error(tmp_path, save):
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path / "file.pt")


@pytest.mark.usefixtures("full_disk")
def test_a_matrix_that_could_not_be_saved_is_freed(tmp_path):
    """The next fit of the process needs its memory before the collector of circles comes by."""
    checkpoint, matrix = Checkpoint(tmp_path, "key"), torch.zeros(2**20)
    reference = weakref.ref(matrix)
    gc.disable()
    try:
        checkpoint.save_gram({"training": [matrix]}, wait=False)
        del matrix
        with pytest.warns(UserWarning, match="No space left"):
            checkpoint.close()
        assert reference() is None
    finally:
        gc.enable()

"""Interrupted fits go on, to the bit; damaged or foreign files are not used."""

import time

import numpy as np
import pytest
import torch

import theory.kernels.checkpoint as checkpoint_module
from theory.common.streams import generator
from theory.kernels import Checkpoint, Gaussian, KernelInterpolator
from theory.kernels.cholesky import cholesky
from theory.kernels.gram import gram_from_blocks


def sample(n: int = 150):
    random = generator(0, "checkpoint-test")
    return random.standard_normal((n, 4)), random.standard_normal((n, 2))


class KilledError(Exception):
    """Stands for a kill: nothing of the fit's own catches it."""


@pytest.mark.parametrize("solver", ["cholesky", "conjugate-gradients"])
@pytest.mark.parametrize("stage", ["Gram matrix", "factorise", "solve", "bound lambda_min", "certify"])
def test_a_fit_killed_at_any_stage_goes_on_to_the_bit(tmp_path, monkeypatch, solver, stage):
    if (solver, stage) in {
        ("cholesky", "solve"),
        ("cholesky", "bound lambda_min"),
        ("conjugate-gradients", "factorise"),
    }:
        pytest.skip("that solver has no such stage, or one of a second")
    monkeypatch.setattr("theory.kernels.checkpoint._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    monkeypatch.setattr("theory.kernels.gram.HEIGHT", 32)
    X, y = sample()
    options = {"kernel": Gaussian(1.0), "solver": solver, "random_state": 3}
    undisturbed = KernelInterpolator(**options).fit(X, y)
    reached = 0.0

    def kill(name: str, share: float) -> None:
        nonlocal reached
        while stage != "Gram matrix" and name != "Gram matrix" and not (tmp_path / "gram.pt").exists():
            time.sleep(0.001)  # a thread writes it
        if name == stage and share > 0.05 and reached:  # the second report: something has been saved
            raise KilledError
        reached = share if name == stage else 0.0

    with pytest.raises(KilledError):
        KernelInterpolator(**options, checkpoint=tmp_path, report=kill).fit(X, y)
    again: dict[str, float] = {}
    resumed = KernelInterpolator(**options, checkpoint=tmp_path, report=again.setdefault).fit(X, y)
    assert np.array_equal(resumed.dual_coef_, undisturbed.dual_coef_)
    assert np.array_equal(resumed.predict(X), undisturbed.predict(X))
    assert resumed.certificate_.distance_bounds.equal(undisturbed.certificate_.distance_bounds)
    assert resumed.certificate_.residual_norms.equal(undisturbed.certificate_.residual_norms)
    if stage != "Gram matrix":
        assert "Gram matrix" not in again, "the Gram matrix is not computed twice"
        assert again[stage] > reached, "what was saved is not done twice"


def test_another_problem_does_not_use_the_files(tmp_path):
    X, y = sample()
    KernelInterpolator(Gaussian(1.0), checkpoint=tmp_path).fit(X, y)
    fresh = KernelInterpolator(Gaussian(2.0)).fit(X, y)
    assert np.array_equal(KernelInterpolator(Gaussian(2.0), checkpoint=tmp_path).fit(X, y).dual_coef_, fresh.dual_coef_)
    moved = X.copy()
    moved[0, 0] += 1e-9
    KernelInterpolator(Gaussian(2.0), checkpoint=tmp_path).fit(moved, y)
    key = Checkpoint(tmp_path, "other")
    assert key.load_gram() is None
    assert not list(tmp_path.glob("*.pt"))


def test_other_labels_on_the_same_points_are_solved_afresh(tmp_path, monkeypatch):
    monkeypatch.setattr("theory.kernels.checkpoint._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    X, y = sample()
    options = {"kernel": Gaussian(0.8), "solver": "conjugate-gradients"}
    KernelInterpolator(**options, checkpoint=tmp_path).fit(X, y)
    assert (tmp_path / "krylov.pt").exists()
    for labels, seed in ((y[::-1].copy(), 0), (y, 1)):
        fresh = KernelInterpolator(**options, random_state=seed).fit(X, labels)
        with monkeypatch.context() as patch:
            patch.setattr("theory.kernels.gram._Sums.add", lambda *_, **__: pytest.fail("K depends on neither"))
            second = KernelInterpolator(**options, random_state=seed, checkpoint=tmp_path).fit(X, labels)
        assert np.array_equal(second.dual_coef_, fresh.dual_coef_)


def test_what_kills_left_half_written_is_removed(tmp_path):
    (tmp_path / ".gram.123.pt").write_bytes(b"half")
    (tmp_path / "key.txt").write_bytes(b"{torn")
    store = Checkpoint(tmp_path, "key")
    assert not list(tmp_path.glob(".*"))
    assert store.load_gram() is None


def test_a_full_disk_does_not_cost_the_fit(tmp_path, monkeypatch):
    X, y = sample()

    def fail(content, file):
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint_module.torch, "save", fail)
    with pytest.warns(UserWarning, match="disk full"):
        model = KernelInterpolator(Gaussian(1.0), checkpoint=tmp_path).fit(X, y)
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize("cut", [1, 5000, 60_000])
def test_a_torn_factor_is_cut_to_whole_panels(tmp_path, cut):
    X, _ = sample(200)
    matrix = gram_from_blocks(Gaussian(1.0), [(torch.from_numpy(X),)], height=50).training
    store = Checkpoint(tmp_path, "key")
    whole = cholesky(matrix, observe=store.append_factor)
    path = tmp_path / "factor.bin"
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    kept = store.load_factor(matrix)
    assert 0 < len(kept) < 4
    resumed = cholesky(matrix, done=kept, observe=store.append_factor)
    assert all(torch.equal(a, b) for a, b in zip(resumed.panels.panels, whole.panels.panels, strict=True))
    assert path.read_bytes() == content


@pytest.mark.parametrize("panel", range(4))
def test_a_flipped_bit_in_the_factor_drops_its_panel_and_those_that_follow(tmp_path, panel):
    X, _ = sample(200)
    matrix = gram_from_blocks(Gaussian(1.0), [(torch.from_numpy(X),)], height=50).training
    store = Checkpoint(tmp_path, "key")
    whole = cholesky(matrix, observe=store.append_factor)
    path = tmp_path / "factor.bin"
    content = bytearray(path.read_bytes())
    right = bytes(content)
    content[sum(50 * 50 * (n + 1) * 8 + 4 for n in range(panel)) + 77] ^= 1
    path.write_bytes(content)
    kept = store.load_factor(matrix)
    assert len(kept) == panel
    resumed = cholesky(matrix, done=kept, observe=store.append_factor)
    assert all(torch.equal(a, b) for a, b in zip(resumed.panels.panels, whole.panels.panels, strict=True))
    assert path.read_bytes() == right


def test_a_damaged_file_is_made_again(tmp_path):
    X, y = sample()
    first = KernelInterpolator(Gaussian(1.0), checkpoint=tmp_path).fit(X, y)
    (tmp_path / "gram.pt").write_bytes(b"not a tensor")
    stages: list[str] = []
    second = KernelInterpolator(Gaussian(1.0), checkpoint=tmp_path, report=lambda name, _: stages.append(name)).fit(
        X, y
    )
    assert "Gram matrix" in stages
    assert np.array_equal(first.dual_coef_, second.dual_coef_)


def test_files_are_whole_or_not_there(tmp_path, monkeypatch):
    store = Checkpoint(tmp_path, "key")

    def fail(content, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint_module.torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        store.save_gram({"training": []}, wait=True)
    assert not (tmp_path / "gram.pt").exists()
    assert store.load_gram() is None

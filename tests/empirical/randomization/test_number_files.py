"""Labels in files of torch's, as CIFAR-10N's (Wei et al. 2022) come: a dictionary of arrays."""

import pickle

import numpy as np
import pytest
import torch

from empirical.randomization.label_noise import GivenLabels, parse_label_noise
from empirical.randomization.number_files import read_numbers

NAMES = ("clean_label", "aggre_label", "worse_label", "random_label1", "random_label2", "random_label3")


@pytest.fixture
def human(tmp_path):
    """`CIFAR-10_human.pt` of seven images."""
    random = np.random.default_rng(0)
    labels = {name: random.integers(0, 10, 7) for name in NAMES}
    torch.save(labels, tmp_path / "CIFAR-10_human.pt")
    return tmp_path / "CIFAR-10_human.pt", labels


@pytest.mark.parametrize("name", NAMES)
def test_labels_by_name(human, name):
    path, labels = human
    noise = parse_label_noise(f"labels:{path}:{name}")
    assert isinstance(noise, GivenLabels)
    assert np.array_equal(noise.labels, labels[name])
    np.save(path.with_name("same.npy"), labels[name])
    assert noise == parse_label_noise(f"labels:{path.with_name('same.npy')}"), "the labels are the identity"
    assert noise.option == f"labels:{path}:{name}"


@pytest.mark.parametrize(
    "content",
    [torch.arange(5), np.arange(5), list(range(5)), np.arange(5, dtype=np.int32), np.arange(5, dtype=np.uint8)],
)
def test_a_file_of_one_array(tmp_path, content):
    torch.save(content, tmp_path / "labels.pt")
    assert read_numbers(tmp_path / "labels.pt").tolist() == list(range(5))
    with pytest.raises(ValueError, match="it holds nothing called 'a'"):
        read_numbers(f"{tmp_path / 'labels.pt'}:a")


def test_files_of_older_numpy(tmp_path):
    torch.save({"a": np.arange(3)}, tmp_path / "labels.pt", _use_new_zipfile_serialization=False)
    content = (tmp_path / "labels.pt").read_bytes()
    assert b"numpy._core.multiarray" in content
    (tmp_path / "old.pt").write_bytes(content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert read_numbers(f"{tmp_path / 'old.pt'}:a").tolist() == [0, 1, 2]


def test_what_is_not_there_is_named(human):
    path, _ = human
    for word in (f"labels:{path}", f"labels:{path}:worst_label"):
        with pytest.raises(
            ValueError, match=r"it holds clean_label, aggre_label, .*: name one of them, as .*:clean_label"
        ):
            parse_label_noise(word)
    with pytest.raises(ValueError, match="takes a file, and there is none called"):
        parse_label_noise(f"labels:{path.with_name('other.pt')}:clean_label")


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("content", [Evil(), {"a": Evil()}, np.array([Evil()], object)])
def test_nothing_in_a_file_is_run(tmp_path, content, capsys):
    torch.save(content, tmp_path / "evil.pt", pickle_module=pickle)
    with pytest.raises(ValueError, match="holds no array of numbers"):
        read_numbers(f"{tmp_path / 'evil.pt'}:a")
    assert "run" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02."])
def test_damaged_files(tmp_path, content):
    (tmp_path / "damaged.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged.pt holds no array of numbers"):
        read_numbers(tmp_path / "damaged.pt")

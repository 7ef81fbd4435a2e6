"""Tiny ImageNet from a few images in the layout of its archive."""

import numpy as np
import pytest
from PIL import Image

from empirical.datasets import DataNotFoundError, load

WNIDS = ("n01443537", "n01629819", "n02123045")


def picture(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((64, 64, 3), value, np.uint8)).save(path, "PNG")


@pytest.fixture
def archive(tmp_path):
    """Images whose brightness says which they are: 10 k + i for training, 100 + i for validation."""
    root = tmp_path / "tiny-imagenet-200"
    for k, wnid in enumerate(WNIDS):
        for i in range(3):
            picture(root / "train" / wnid / "images" / f"{wnid}_{i}.JPEG", 10 * k + i)
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("a box")
    lines = []
    for i, wnid in enumerate((WNIDS[2], WNIDS[0], WNIDS[2])):
        picture(root / "val" / "images" / f"val_{i}.JPEG", 100 + i)
        lines.append(f"val_{i}.JPEG\t{wnid}\t0\t32\t44\t62\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    picture(root / "test" / "images" / "test_0.JPEG", 200)
    return root


@pytest.mark.parametrize("storage", ["memory", "stream", "memmap"])
def test_layout(archive, storage):
    for root in (archive, archive.parent):
        data = load("tiny-imagenet", root, image_size=16, storage=storage)
        values = data.train.images[:, 0, 8, 8]
        assert sorted(values) == [0, 1, 2, 10, 11, 12, 20, 21, 22]
        assert np.array_equal(values // 10, data.train.labels)
        tested = dict(zip(data.test.images[:, 0, 8, 8].tolist(), data.test.labels.tolist(), strict=True))
        assert tested == {100: 2, 101: 0, 102: 2}
        assert data.class_names == WNIDS
        assert data.image_shape == (3, 16, 16)


def test_unknown_classes_and_missing_files(archive, tmp_path):
    with pytest.raises(ValueError, match="read it with --data tiny-imagenet"):
        load("folder", archive)
    with open(archive / "val" / "val_annotations.txt", "a") as file:
        file.write("val_3.JPEG\tn99\t0\t0\t1\t1\n")
    with pytest.raises(ValueError, match=r"val_annotations.txt, line 4: 'n99' is no folder of .*train"):
        load("tiny-imagenet", archive)
    with pytest.raises(DataNotFoundError, match=r"val_annotations.txt[\s\S]*tiny-imagenet-200.zip"):
        load("tiny-imagenet", tmp_path / "elsewhere")

import numpy as np
import pytest
from PIL import Image

from empirical.datasets import DataNotFoundError, load_folder


def save(path, value=0, size=(8, 8), mode="RGB"):
    """An image of one colour: value in the red and the green channel, 256 to a step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, (value % 256, value // 256, 7) if mode == "RGB" else value).save(path)


def values(split):
    """The colours of a split's images, in order."""
    return (split.images[:, 0, 0, 0] + 256 * split.images[:, 1, 0, 0].astype(int)).tolist()


def make(root, per_class, classes=("b", "a", "c")):
    """Images whose colour tells class (by order of name) and place: 100 class + place."""
    for label, name in enumerate(sorted(classes)):
        for i in range(per_class):
            save(root / name / f"{i:03}.png", 100 * label + i)


@pytest.mark.parametrize("place", [".", "train"])
@pytest.mark.parametrize("per_class", [1, 2, 5, 30])
def test_a_fixed_fifth_is_the_test_split(tmp_path, place, per_class):
    make(tmp_path / place, per_class)
    data = load_folder(tmp_path, image_size=4)
    n = 3 * per_class
    assert len(data.test.labels) == max(1, round(0.2 * n))
    assert sorted(values(data.train) + values(data.test)) == [100 * c + i for c in range(3) for i in range(per_class)]
    for part in (data.train, data.test):
        assert (np.array(values(part)) // 100 == part.labels).all()
    assert data.class_names == ("a", "b", "c")
    assert load_folder(tmp_path, image_size=4).train.digest == data.train.digest


def test_the_split_is_the_same_for_ever(tmp_path):
    make(tmp_path, 5)
    assert values(load_folder(tmp_path, image_size=1).test) == [3, 204, 202]


def test_the_first_images_are_of_many_classes(tmp_path):
    make(tmp_path / "train", 20, "abcdefghij")
    make(tmp_path / "test", 20, "abcdefghij")
    data = load_folder(tmp_path, image_size=1).subset(40, 40)
    assert len(set(data.train.labels)) >= 8
    assert len(set(data.test.labels)) >= 8
    assert data.train.labels.tolist() != data.test.labels.tolist()


@pytest.mark.parametrize("test_name", ["test", "val"])
def test_a_split_that_is_given(tmp_path, test_name):
    make(tmp_path / "train", 4)
    save(tmp_path / test_name / "c" / "one.png", 290)
    save(tmp_path / test_name / "a" / "two.png", 90)
    data = load_folder(tmp_path, image_size=2)
    assert sorted(values(data.train)) == [100 * c + i for c in range(3) for i in range(4)]
    assert dict(zip(values(data.test), data.test.labels.tolist(), strict=True)) == {290: 2, 90: 0}
    assert (np.array(values(data.train)) // 100 == data.train.labels).all()
    assert f"folders train and {test_name}" in data.source


def test_test_is_preferred_to_val(tmp_path):
    for i, name in enumerate(("train", "val", "test")):
        save(tmp_path / name / "a" / "x.png", i)
    data = load_folder(tmp_path, image_size=2)
    assert (values(data.train), values(data.test)) == ([0], [2])


def test_a_class_called_train(tmp_path):
    for i, name in enumerate(("car", "train")):
        save(tmp_path / name / "x.png", i)
        save(tmp_path / name / "y.png", i)
    assert load_folder(tmp_path).class_names == ("car", "train")


def test_a_test_class_that_is_not_trained_on(tmp_path):
    make(tmp_path / "train", 1)
    make(tmp_path / "test", 1, ("a", "zebra"))
    with pytest.raises(ValueError, match=r"test: classes that .*train does not have: zebra"):
        load_folder(tmp_path)


@pytest.mark.parametrize("per_class", [0, 1])
def test_too_few_images(tmp_path, per_class):
    make(tmp_path, per_class, ("a",))
    with pytest.raises(DataNotFoundError, match="at least one training and one test image") as caught:
        load_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("empty", ["train", "test"])
def test_an_empty_split(tmp_path, empty):
    make(tmp_path / "train", 2)
    make(tmp_path / "test", 2)
    for path in (tmp_path / empty).rglob("*.png"):
        path.unlink()
    with pytest.raises(DataNotFoundError, match="at least one training and one test image"):
        load_folder(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"ROOT/train/<class>/ and ROOT/test/<class>/"):
        load_folder(tmp_path / "nowhere")


def test_hidden_files_and_nested_folders_are_ignored(tmp_path):
    make(tmp_path, 2)
    (tmp_path / ".git").mkdir()
    (tmp_path / "notes.txt").write_text("not a class")
    (tmp_path / "a" / ".DS_Store").write_text("not an image")
    (tmp_path / "a" / "nested").mkdir()
    data = load_folder(tmp_path)
    assert data.class_names == ("a", "b", "c")
    assert len(data.train.labels) + len(data.test.labels) == 6


def test_links_are_followed(tmp_path):
    make(tmp_path / "store", 3)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "store" / "a")
    save(tmp_path / "root" / "own" / "x.png", 9)
    (tmp_path / "root" / "own" / "y.png").symlink_to(tmp_path / "store" / "b" / "000.png")
    data = load_folder(tmp_path / "root")
    assert sorted(values(data.train) + values(data.test)) == [0, 1, 2, 9, 100]


def test_unreadable_files_are_named_and_counted(tmp_path):
    make(tmp_path / "train", 10)
    make(tmp_path / "test", 2)
    for i in range(7):
        (tmp_path / "train" / "b" / f"{i:03}.png").write_bytes(b"not an image")
    with pytest.raises(
        ValueError, match=r"(?s)^7 of 36 files cannot be read as images:\n.*00\d\.png.*and 2 more$"
    ) as caught:
        load_folder(tmp_path)
    assert str(caught.value).count(str(tmp_path / "train" / "b")) >= 5


def test_a_truncated_image(tmp_path):
    make(tmp_path, 2)
    path = tmp_path / "a" / "x.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"1 of \d files cannot be read as images:\n.*x\.png"):
        load_folder(tmp_path)


def test_a_link_to_nothing(tmp_path):
    make(tmp_path, 2)
    (tmp_path / "a" / "x.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"x\.png.*No such file"):
        load_folder(tmp_path)


@pytest.mark.parametrize("size", [(48, 16), (16, 48)])
def test_the_short_side_is_resized_and_the_centre_kept(tmp_path, size):
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    along = 0 if size[1] > size[0] else 1
    thirds = np.split(pixels, 3, axis=along)
    for third, level in zip(thirds, (10, 200, 90), strict=True):
        third[...] = level
    for name in "xy":
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "a" / f"{name}.png")
    data = load_folder(tmp_path, image_size=8)
    assert data.image_shape == (3, 8, 8)
    assert abs(data.train.images.astype(int) - 200).max() <= 15  # the filter rings a little at the seams


def test_images_stand_upright(tmp_path):
    pixels = np.arange(5 * 5 * 3, dtype=np.uint8).reshape(5, 5, 3)
    for name in "xy":
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "a" / f"{name}.png")
    assert np.array_equal(load_folder(tmp_path, image_size=5).train.images[0], np.moveaxis(pixels, 2, 0))


def test_shrinking_does_not_alias(tmp_path):
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    for name in "xy":
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.fromarray(stripes).save(tmp_path / "a" / f"{name}.png")
    images = load_folder(tmp_path, image_size=8).train.images.astype(int)
    assert abs(images - 127.5).max() < 16


@pytest.mark.parametrize(
    ("mode", "suffix", "value", "expected"),
    [
        ("L", "png", 77, [77, 77, 77]),
        ("1", "png", 1, [255, 255, 255]),
        ("LA", "png", (77, 3), [77, 77, 77]),
        ("RGBA", "png", (1, 2, 3, 0), [1, 2, 3]),
        ("CMYK", "tiff", (255, 0, 0, 0), [0, 255, 255]),
        ("I;16", "png", 257 * 77, [77, 77, 77]),
        ("RGB", "bmp", (1, 2, 3), [1, 2, 3]),
        ("RGB", "ppm", (1, 2, 3), [1, 2, 3]),
        ("RGB", "gif", (255, 0, 0), [255, 0, 0]),
    ],
)
def test_any_format_becomes_rgb(tmp_path, mode, suffix, value, expected):
    for name in "xy":
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.new(mode, (9, 7), value).save(tmp_path / "a" / f"{name}.{suffix}")
    images = load_folder(tmp_path, image_size=4).train.images
    assert images[0, :, 2, 2].tolist() == expected


def test_a_palette_with_transparency(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    for name in "xy":
        (tmp_path / "a").mkdir(exist_ok=True)
        image.save(tmp_path / "a" / f"{name}.png", transparency=b"\x00\x80")
    assert load_folder(tmp_path, image_size=4).train.images[0, :, 0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_without_a_range_are_refused(tmp_path, mode):
    save(tmp_path / "a" / "x.tiff", 300, mode=mode)
    save(tmp_path / "a" / "y.png", 3)
    with pytest.raises(ValueError, match=rf"x\.tiff: pixels of mode {mode} have no fixed range"):
        load_folder(tmp_path)


def test_image_size_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match="image_size must be at least 1, got 0"):
        load_folder(tmp_path, image_size=0)


def test_the_real_data(real_data):
    root = real_data("imagenet-sample")
    data = load_folder(root, image_size=32)
    assert data.num_classes == 1000
    assert data.train.images.shape == (800, 3, 32, 32)
    assert data.test.images.shape == (200, 3, 32, 32)
    assert sorted([*data.train.labels, *data.test.labels]) == list(range(1000))
    means = data.train.images.mean(axis=(0, 2, 3)) / 255
    assert np.allclose(means, [0.485, 0.456, 0.406], atol=0.05)  # ImageNet's, as widely published


def test_folders_without_images_are_no_classes(tmp_path, capsys):
    make(tmp_path, 3)
    (tmp_path / "empty").mkdir()
    (tmp_path / "__MACOSX" / "a").mkdir(parents=True)
    (tmp_path / "__MACOSX" / "a" / "._000.png").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    data = load_folder(tmp_path)
    assert data.class_names == ("a", "b", "c")
    assert "without the folders __MACOSX, empty and loop, which contain no images" in data.source
    assert "__MACOSX, empty and loop" in capsys.readouterr().err


def test_a_class_without_training_images(tmp_path):
    make(tmp_path / "train", 2)
    make(tmp_path / "test", 2, ("a", "b"))
    (tmp_path / "train" / "d").mkdir()
    assert load_folder(tmp_path).class_names == ("a", "b", "c")
    make(tmp_path / "test", 2, ("d",))
    with pytest.raises(ValueError, match=r"classes that .*train does not have: d"):
        load_folder(tmp_path)


@pytest.mark.parametrize("name", ["valid", "validation"])
def test_other_names_of_a_test_split(tmp_path, name):
    make(tmp_path / "train", 3)
    make(tmp_path / name, 2)
    data = load_folder(tmp_path)
    assert (len(data.train.labels), len(data.test.labels)) == (9, 6)
    assert f"folders train and {name}" in data.source


def test_a_split_that_is_left_out_is_named(tmp_path):
    for name in ("train", "test", "val"):
        make(tmp_path / name, 2)
    assert "split as in its folders train and test; val is left out" in load_folder(tmp_path).source


def test_test_images_without_class_folders_are_refused(tmp_path):
    make(tmp_path / "train", 3)
    save(tmp_path / "test" / "x.png")
    with pytest.raises(ValueError, match=r"test: its images lie in no class folder: move them to .*test/<class>/"):
        load_folder(tmp_path)


def test_a_folder_beside_train_that_is_no_split_is_refused(tmp_path):
    make(tmp_path / "train", 3)
    make(tmp_path / "held-out", 3)
    with pytest.raises(ValueError, match=r"beside .*train lies held-out, .*name it test, .*or move it away"):
        load_folder(tmp_path)


def test_what_is_no_image_by_its_name_is_left_out_and_said(tmp_path, capsys):
    make(tmp_path, 4)
    for name in ("a/Thumbs.db", "b/readme.txt"):
        (tmp_path / name).write_bytes(b"no image")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "list.csv").write_text("a folder without images is no class")
    data = load_folder(tmp_path, image_size=4)
    assert data.class_names == ("a", "b", "c")
    assert len(data.train.labels) + len(data.test.labels) == 12
    notice = "without a/Thumbs.db and b/readme.txt, no image by their names"
    assert notice in data.source
    assert notice in capsys.readouterr().err


def test_the_count_of_files_that_cannot_be_read_is_of_all(tmp_path):
    make(tmp_path, 4)
    for name in ("a/000.png", "b/001.png", "c/002.png"):
        (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"^3 of 12 files cannot be read as images"):
        load_folder(tmp_path, image_size=4)


def test_a_camera_s_note_on_how_to_turn_an_image_is_not_followed(tmp_path):
    """As the documentation says: pixels are taken as they are stored."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 200
    for name, orientation in (("plain", 1), ("turned", 6)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for split in ("train", "test"):
            (tmp_path / split / name).mkdir(parents=True)
            Image.fromarray(pixels).save(tmp_path / split / name / "a.png", exif=exif)
    data = load_folder(tmp_path, 8)
    assert np.array_equal(data.train.images, np.stack(2 * [pixels.transpose(2, 0, 1)]))

import math

import numpy as np
import pytest
import torch

from empirical.training.augmentation import augment, check_augmentation, draw_augmentations

NONE = torch.full((1, 5), 0.5)


def images(n: int = 6, channels: int = 3, height: int = 9, width: int = 7) -> torch.Tensor:
    """Every pixel different."""
    return torch.arange(n * channels * height * width).reshape(n, channels, height, width).float()


def test_draws_depend_on_seed_epoch_and_image_alone():
    first = draw_augmentations(0, 3, 100)
    assert torch.equal(first[:50], draw_augmentations(0, 3, 50))
    assert not torch.equal(first, draw_augmentations(0, 4, 100))
    assert not torch.equal(first, draw_augmentations(1, 3, 100))
    assert first.min() >= 0
    assert first.max() < 1


def test_none_is_the_centre_crop():
    torch.testing.assert_close(augment("none", images(), NONE.expand(6, 5), 5), images()[:, :, 2:7, 1:6])


def test_a_crop_is_a_part_of_its_own_image_and_every_place_is_as_likely():
    copies = images(1).expand(9000, -1, -1, -1)
    cropped = augment("crop", copies, draw_augmentations(0, 1, 9000), 5)
    places = {}
    for top in range(5):
        for left in range(3):
            hits = (cropped == images(1)[:, :, top : top + 5, left : left + 5]).all(dim=(1, 2, 3)).sum().item()
            places[top, left] = hits
    assert sum(places.values()) == 9000
    # Binomial(9000, 1/15) leaves 500 .. 700 with probability 1e-5 for each place.
    assert all(500 < count < 700 for count in places.values())


def test_a_crop_keeps_dtype_and_order_of_images():
    stored = images().to(torch.uint8)
    cropped = augment("crop", stored, torch.zeros(6, 5), 4)
    assert torch.equal(cropped, stored[:, :, :4, :4])


@pytest.mark.parametrize("name", ["flip-rotate", "resized-crop"])
def test_flips_alone(name):
    """Without rotation, the whole image: as it is or mirrored."""
    numbers = torch.full((2, 5), 0.5)
    numbers[:, 0] = 0.5 if name == "flip-rotate" else 1.0
    numbers[:, 1] = 0.5
    numbers[:, 4] = torch.tensor([0.2, 0.7])
    square = images(2, height=8, width=8)
    changed = augment(name, square, numbers, None)
    torch.testing.assert_close(changed[0], square[0].flip(-1), rtol=0, atol=1e-2)
    torch.testing.assert_close(changed[1], square[1], rtol=0, atol=1e-2)


def test_rotation_turns_by_up_to_25_degrees_about_the_centre():
    """The brightness of a ramp falls along the direction in which it was turned; in pixels, on oblong images too."""
    height, width = 41, 61
    down, across = torch.meshgrid(torch.arange(height) - 20.0, torch.arange(width) - 30.0, indexing="ij")
    ramp = across.expand(1, 1, height, width)
    for number, degrees in ((0.0, -25.0), (0.5, 0.0), (0.999999, 25.0)):
        numbers = torch.tensor([[number, 0, 0, 0, 0.9]])
        turned = augment("flip-rotate", ramp, numbers, None)[0, 0, 15:26, 25:36]
        slopes = (turned[:, 1:] - turned[:, :-1]).mean(), (turned[1:] - turned[:-1]).mean()
        assert math.degrees(math.atan2(-slopes[1], slopes[0])) == pytest.approx(degrees, abs=0.1)
        assert math.hypot(*slopes) == pytest.approx(1.0, abs=1e-3), "no stretching"
    assert down.shape == ramp.shape[2:]


def test_resized_crops_have_the_stated_areas_and_ratios():
    """On a ramp along each axis a part's sides are the spread of values."""
    height = width = 101
    down, across = torch.meshgrid(torch.arange(101.0), torch.arange(101.0), indexing="ij")
    coordinates = torch.stack([down, across]).expand(2000, 2, height, width)
    parts = augment("resized-crop", coordinates, draw_augmentations(0, 1, 2000), 20).numpy()
    sides = np.stack([np.ptp(parts[:, 0], axis=(1, 2)), np.ptp(parts[:, 1], axis=(1, 2))], axis=1) * 20 / 19 / 101
    areas, ratios = sides.prod(axis=1), sides[:, 1] / sides[:, 0]
    assert areas.min() > 0.075
    assert areas.max() <= 1.05
    assert 0.08 < np.quantile(areas, 0.02) < 0.12
    assert 0.72 < ratios.min() < 0.78
    assert 1.28 < ratios.max() < 1.40
    assert parts.min() >= 0
    assert parts.max() <= 100


@pytest.mark.parametrize(
    ("name", "shape", "crop", "message"),
    [
        ("mixup", (3, 32, 32), 28, "augmentation must be one of none, crop, flip-rotate, resized-crop, got 'mixup'"),
        ("crop", (3, 28, 28), 28, "images of 28 x 28 pixels leave a crop of side 28 no choice; .* --crop"),
        ("crop", (3, 32, 32), None, "no choice"),
    ],
)
def test_bad_augmentations(name, shape, crop, message):
    with pytest.raises(ValueError, match=message):
        check_augmentation(name, shape, crop)
    check_augmentation("crop", (3, 32, 32), 28)

import cmath
import math

import numpy as np
import pytest
import torch

from empirical.kernels.features import GaborWavelets
from empirical.kernels.features.gabor import gabor_filters, gaussian_window


def wave(wavelength: float, angle: float, side: int = 48) -> np.ndarray:
    """One image of a sinusoid of the given wavelength that varies along the angle."""
    y, x = np.mgrid[:side, :side]
    values = 0.5 + 0.5 * np.cos(2 * np.pi * (x * math.cos(angle) + y * math.sin(angle)) / wavelength)
    return (255 * values).astype(np.float32)[None, None]


def amplitudes(images: np.ndarray, feature_map: GaborWavelets) -> torch.Tensor:
    """(wavelength, orientation) amplitudes of the first image in the middle of its first channel."""
    rows, columns = (-(-side // feature_map.stride) for side in images.shape[2:])
    features = torch.cat([block[0] for block in feature_map.blocks(images, images)], dim=1)[0]
    features = features.view(-1, images.shape[1], rows, columns)[:-1]
    return features[:, 0, rows // 2, columns // 2].view(len(feature_map.wavelengths), feature_map.orientations)


@pytest.mark.parametrize("wavelength", [3.0, 6.0, 12.0])
def test_filters_have_mean_zero_and_no_response_to_a_constant(wavelength):
    filters = gabor_filters(wavelength, 8)
    assert filters.sum(dim=(1, 2)).abs().max() < 1e-14
    assert filters.abs().sum(dim=(1, 2)).min() > 0.5  # they are not zero
    assert amplitudes(np.full((1, 1, 48, 48), 200, dtype=np.uint8), GaborWavelets()).max() < 1e-3  # root of rounding


def test_filters_agree_with_the_formula():
    """Pixel by pixel in complex arithmetic, for L = 4 (s = 2, radius 6) and the second of three orientations."""
    pixels = [(y, x) for y in range(-6, 7) for x in range(-6, 7)]
    cos, sin = 0.5, math.sqrt(3) / 2  # of pi / 3
    window = [math.exp(-((x * cos + y * sin) ** 2 + 0.25 * (y * cos - x * sin) ** 2) / 8) for y, x in pixels]
    wave = [cmath.exp(2j * math.pi * (x * cos + y * sin) / 4) for y, x in pixels]
    mean = sum(g * e for g, e in zip(window, wave, strict=True)) / sum(window)
    expected = [g / sum(window) * (e - mean) for g, e in zip(window, wave, strict=True)]
    np.testing.assert_allclose(gabor_filters(4.0, 3)[1].numpy().ravel(), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("orientation", range(8))
@pytest.mark.parametrize("scale", range(3))
def test_the_response_to_a_sinusoid_peaks_at_its_wavelength_and_orientation(scale, orientation):
    feature_map = GaborWavelets()
    response = amplitudes(wave(feature_map.wavelengths[scale], math.pi * orientation / 8), feature_map)
    assert divmod(int(response.argmax()), 8) == (scale, orientation)


def test_the_amplitude_of_a_sinusoid_is_half_of_its_own():
    """|w * cos| is 1/2 where the filter's transform is 1 at its centre and 0 at its mirror: amplitude 1/2 gives 1/4."""
    response = amplitudes(wave(6.0, 0.0), GaborWavelets(wavelengths=(6.0,)))
    assert response[0, 0] ** 2 == pytest.approx(0.25, rel=0.05)  # the window's cut-off and mirror, 1%


@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_the_amplitude_does_not_oscillate_with_the_wave(angle):
    feature_map = GaborWavelets(wavelengths=(4.0,), orientations=1, stride=1)
    (block, _) = feature_map.blocks(*[wave(4.0, angle)] * 2)
    inside = block[0].view(48, 48)[16:-16, 16:-16]
    assert inside.std() < 0.02 * inside.mean()


@pytest.mark.parametrize("channels", [1, 3])
def test_agrees_with_the_definition(channels):
    """Explicit sums over shifted pixels, in float64."""
    images = np.random.default_rng(0).integers(0, 256, (2, channels, 7, 6), dtype=np.uint8)
    feature_map = GaborWavelets(wavelengths=(2.0, 3.5), orientations=3, deviation=0.8, stride=2)
    features = torch.cat([block[0] for block in feature_map.blocks(images, images)], dim=1)
    window = gaussian_window(0.8).numpy()
    window = np.outer(window, window)

    def convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        radius = len(kernel) // 2
        padded = np.pad(image, radius)
        out = np.zeros(image.shape, dtype=kernel.dtype)
        for i, j in np.ndindex(*image.shape):
            out[i, j] = sum(
                kernel[radius + a, radius + b] * padded[i - a + radius, j - b + radius]
                for a in range(-radius, radius + 1)
                for b in range(-radius, radius + 1)
            )
        return out

    filters = [w for wavelength in (2.0, 3.5) for w in gabor_filters(wavelength, 3).numpy()]
    for row, image in zip(features.numpy(), images / 255.0, strict=True):
        maps = [[np.abs(convolve(channel, w)) for channel in image] for w in filters] + [list(image)]
        expected = [np.sqrt(convolve(channel, window)[::2, ::2]) for channels_of in maps for channel in channels_of]
        np.testing.assert_allclose(row, np.concatenate([e.ravel() for e in expected]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "arguments",
    [{"wavelengths": ()}, {"wavelengths": (1.5,)}, {"orientations": 0}, {"stride": 0}, {"deviation": 0.0}],
)
def test_senseless_parameters_are_refused(arguments):
    with pytest.raises(ValueError, match="must be at least"):
        GaborWavelets(**arguments)

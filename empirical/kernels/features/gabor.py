"""Gabor wavelets: how much of each frequency and orientation there is around each place of an image.

A Gabor function is a plane wave under a Gaussian window (Gabor, Theory of communication, 1946; in two dimensions
Daugman, Uncertainty relation for resolution in space, spatial frequency, and orientation, 1985). For wavelength L and
orientation t, with x' the coordinate along (cos t, sin t) and y' the one across,

    g(x) = exp(-(x'^2 + (a y')^2) / (2 s^2)) / N,  s = L/2, a = 1/2,  N such that the sum of g over the pixels is 1,
    w(x) = g(x) (exp(2 pi i x' / L) - m),  m such that the sum of w is 0.

Subtracting m makes w a wavelet, blind to a constant image (the Morlet wavelet). The modulus |X * w| of an image's
convolution with w is its local amplitude at that frequency, which moves with the image but does not oscillate;
averaged over a Gaussian window it hardly changes under small translations and deformations (Bruna and Mallat, Invariant
scattering convolution networks, 2013). With h a Gaussian of deviation 1, sampled at every other pixel in both
directions, the features are

    sqrt(|X * w| * h) for wavelengths 3, 6, 12 and eight orientations, and sqrt(X * h), the low frequencies.

The square root evens out the contrast of images: distances between roots weigh relative changes of faint structure as
well. Images are values / 255, each channel by itself, continued by 0 beyond the border.

The paper does not say which wavelets it used. Wavelengths, averaging and root were chosen on Fashion-MNIST, by the
error of the Gaussian kernel's interpolant of 3,000 training images on 2,000 other images of the training set.
"""

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import conv2d

from empirical.datasets.lazy_images import Images
from empirical.kernels.features.blocks import FeatureBlocks, common_shape

_ELONGATION = 0.5  # a: the window is twice as long across the wave, which sharpens the orientation
_BATCH = 128
_WIDTH = 2048  # columns in a block, about


@dataclass(frozen=True)
class GaborWavelets:
    """Amplitudes of Gabor wavelets by (wavelength, orientation, channel, row, column), then low frequencies.

    Attributes:
        wavelengths: L, in pixels, each at least 2.
        orientations: angles t = pi k / orientations.
        deviation: the deviation of the averaging window h, in pixels.
        stride: every how many pixels the averages are sampled.
    """

    wavelengths: tuple[float, ...] = (3.0, 6.0, 12.0)
    orientations: int = 8
    deviation: float = 1.0
    stride: int = 2
    name: ClassVar[str] = "gabor"

    def __post_init__(self) -> None:
        if not self.wavelengths or min(self.wavelengths) < 2:
            raise ValueError(f"wavelengths must be at least 2 pixels, got {self.wavelengths}")
        if self.orientations < 1 or self.stride < 1 or self.deviation <= 0:
            raise ValueError("orientations and stride must be at least 1, deviation positive")

    def dimension(self, image_shape: tuple[int, ...]) -> int:
        """The number channels * samples * (wavelengths * orientations + 1)."""
        return self._samples(image_shape) * (len(self.wavelengths) * self.orientations + 1)

    def blocks(self, fit_images: Images, *sets: Images, device: str = "cpu") -> FeatureBlocks:
        """See `FeatureMap.blocks`; nothing is fitted. A block has at least one filter: it is wider for large images."""
        samples = self._samples(common_shape(fit_images, sets))
        per_block = max(1, _WIDTH // samples)
        parts: list[torch.Tensor | None] = []
        for wavelength in self.wavelengths:
            parts.extend(gabor_filters(wavelength, self.orientations).split(per_block))
        parts.append(None)

        def compute(index: int, images: Images) -> torch.Tensor:
            return self._features(images, parts[index], device)

        return FeatureBlocks(compute, sets, len(parts), samples * min(per_block, self.orientations))

    def _samples(self, image_shape: tuple[int, ...]) -> int:
        """Features of one filter."""
        channels, height, width = image_shape
        return channels * -(-height // self.stride) * -(-width // self.stride)

    def _features(self, images: Images, filters: torch.Tensor | None, device: str) -> torch.Tensor:
        """sqrt(|X * w| * h) for every filter w, or sqrt(X * h), (n, features)."""
        window = gaussian_window(self.deviation).float().to(device)
        n, channels, height, width = images.shape
        count = 1 if filters is None else len(filters)
        out = torch.empty(n, count * self._samples((channels, height, width)), device=device)
        for start in range(0, n, _BATCH):
            pixels = (
                torch.tensor(images[start : start + _BATCH], device=device).float().reshape(-1, 1, height, width) / 255
            )
            amplitudes = pixels if filters is None else _modulus(pixels, filters.to(device))
            amplitudes = amplitudes.reshape(-1, 1, height, width)
            # The window is a product of a row and a column.
            across = conv2d(
                amplitudes, window[None, None, None, :], stride=(1, self.stride), padding=(0, len(window) // 2)
            )
            means = conv2d(across, window[None, None, :, None], stride=(self.stride, 1), padding=(len(window) // 2, 0))
            means = means.reshape(-1, channels, count, *means.shape[2:]).transpose(1, 2)
            out[start : start + _BATCH] = means.flatten(1).clamp_min(0.0).sqrt()
        return out


def _modulus(pixels: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """|X * w| of images (n, 1, height, width) with filters (m, side, side), complex: (n, m, height, width)."""
    kernels = torch.cat([filters.real, filters.imag]).float()[:, None]
    real, imaginary = conv2d(pixels, kernels, padding=filters.shape[-1] // 2).chunk(2, dim=1)
    return torch.hypot(real, imaginary)


def gabor_filters(wavelength: float, orientations: int) -> torch.Tensor:
    """The wavelets w at angles pi k / orientations, complex128 (orientations, side, side), the origin in the middle.

    Cut off at three deviations across the wave. Torch's convolutions are cross-correlations, which changes no modulus:
    w(-x) is the conjugate of w(x).
    """
    deviation = wavelength / 2
    radius = math.ceil(3 * deviation)
    y, x = torch.meshgrid(*itertools.repeat(torch.arange(-radius, radius + 1, dtype=torch.float64), 2), indexing="ij")
    filters = []
    for k in range(orientations):
        angle = math.pi * k / orientations
        along = x * math.cos(angle) + y * math.sin(angle)
        across = y * math.cos(angle) - x * math.sin(angle)
        window = torch.exp(-(along.square() + (_ELONGATION * across).square()) / (2 * deviation**2))
        window /= window.sum()
        wave = torch.polar(torch.ones_like(along), 2 * math.pi * along / wavelength)
        filters.append(window * (wave - (window * wave).sum()))
    return torch.stack(filters)


def gaussian_window(deviation: float) -> torch.Tensor:
    """A Gaussian in one dimension, float64, cut off at three deviations, of sum 1 and odd length."""
    radius = math.ceil(3 * deviation)
    window = torch.exp(-torch.arange(-radius, radius + 1, dtype=torch.float64).square() / (2 * deviation**2))
    return window / window.sum()

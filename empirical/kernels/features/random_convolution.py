"""A convolutional network of one layer whose filters are random patches: nothing in it is trained.

The paper's preprocessing for CIFAR-10 (section 5: 32,000 random filters), after Coates and Ng (The importance of
encoding versus training with sparse coding and vector quantization, ICML 2011; Learning feature representations with
k-means, 2012):

1. A patch p of s x s pixels, d = channels s^2 numbers, is contrast-normalised: n(p) = (p - mean) / sqrt(variance + c).
2. Normalised patches have mean m and covariance C = V diag(l) V^T over random patches of the training images; the ZCA
   whitening W = V diag(l + e)^(-1/2) V^T takes n(p) to W (n(p) - m).
3. Filter f is the whitened patch at a random place of a random training image, scaled to unit norm: u_f.
4. At every position of an image the response is z_f = <u_f, W (n(p) - m)>, rectified on both sides: max(0, z_f - a) and
   max(0, -z_f - a).
5. Each is averaged over the four quadrants of the positions: 8 features a filter.

Since W is symmetric, z_f = <g_f, p> / sqrt(variance + c) - b_f with g_f = W u_f less its mean and b_f = <W u_f, m>:
whitening costs nothing, and all the work is one product of a matrix of patches with a matrix of filters.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from empirical.datasets.lazy_images import Images
from empirical.kernels.features.blocks import FeatureBlocks, common_shape
from theory.common.streams import uniform_integers, words

_FEATURES_PER_FILTER = 8  # two signs, four quadrants
_FILTERS_PER_BLOCK = 256
_WHITENING_PATCHES = 100_000
_REDRAWS = 100
# Patches multiplied at once: on a CPU the responses (of 256 filters, 6 MB) should stay in the cache, a GPU wants more.
_CPU_PATCHES, _GPU_PATCHES = 6_000, 400_000

Patches = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RandomConvolution:
    """The features of a random convolutional layer, in the order (filter, sign, vertical half, horizontal half).

    Filter f depends on the seed, f and the images fitted on, not on `num_filters`: more filters append columns.

    Attributes:
        num_filters: F; there are 8 F features.
        seed: the seed of the patches.
        patch_size: s, the side of a patch in pixels.
        threshold: a, of the rectification.
        contrast: c, in squared pixel units: what keeps flat patches from being blown up.
        whitening: e, in the units of l.
    """

    num_filters: int
    seed: int
    patch_size: int = 6
    threshold: float = 0.25
    contrast: float = 10.0
    whitening: float = 0.1

    def __post_init__(self) -> None:
        if self.num_filters < 1:
            raise ValueError(f"random-convolution-F needs F >= 1 filters, got {self.num_filters}")
        if self.patch_size < 2:
            raise ValueError(f"a patch of fewer than 2 x 2 pixels has no contrast, got patch_size {self.patch_size}")
        if min(self.threshold, self.contrast, self.whitening) < 0:
            raise ValueError("threshold, contrast and whitening must not be negative")

    @property
    def name(self) -> str:
        """random-convolution-F."""
        return f"random-convolution-{self.num_filters}"

    def dimension(self, image_shape: tuple[int, ...]) -> int:
        """8 F. Raises ValueError for images too small to have four quadrants of positions."""
        _, height, width = image_shape
        if min(height, width) <= self.patch_size:
            raise ValueError(
                f"images of {height} x {width} pixels are too small for patches of side {self.patch_size}: both sides "
                f"must be at least {self.patch_size + 1}; use the feature map pixels"
            )
        return _FEATURES_PER_FILTER * self.num_filters

    def blocks(self, fit_images: Images, *sets: Images, device: str = "cpu") -> FeatureBlocks:
        """See `FeatureMap.blocks`; patches and whitening come from fit_images. A block for every 256 filters.

        Raises ValueError also if the images to fit on hold no patch with any contrast.
        """
        self.dimension(common_shape(fit_images, sets))
        weights, biases = self.filters(fit_images)
        # A last row for the bias: its patches end in a constant 1. (channel, column, row) is the patches' order.
        rows = weights.transpose(0, 1, 3, 2).reshape(len(weights), -1)
        matrix = torch.from_numpy(np.column_stack([rows, -biases]).T.astype(np.float32)).to(device)

        def compute(index: int, images: Images) -> torch.Tensor:
            start = index * _FILTERS_PER_BLOCK
            return self._features(images, matrix[:, start : start + _FILTERS_PER_BLOCK].contiguous())

        width = _FEATURES_PER_FILTER * min(self.num_filters, _FILTERS_PER_BLOCK)
        return FeatureBlocks(compute, sets, -(-self.num_filters // _FILTERS_PER_BLOCK), width)

    def filters(self, fit_images: Images) -> tuple[Patches, Patches]:
        """The weights g (F, channels, s, s), each of mean 0, and the biases b (F,), both float64."""
        sample = self._contrast_normalise(
            self._patches(fit_images, "random-convolution/whitening", np.arange(_WHITENING_PATCHES))
        )
        mean = sample.mean(axis=0)
        eigenvalues, eigenvectors = np.linalg.eigh(np.cov(sample, rowvar=False, bias=True))
        # Normalised patches have mean 0, so without e the direction of constant patches would be divided by 0.
        scale = 1.0 / np.sqrt(eigenvalues.clip(min=0.0) + max(self.whitening, np.finfo(np.float64).eps))
        whitening = (eigenvectors * scale) @ eigenvectors.T
        whitened: Patches = (self._contrast_normalise(self._filter_patches(fit_images)) - mean) @ whitening
        filters = whitened / np.linalg.norm(whitened, axis=1, keepdims=True) @ whitening
        weights = filters - filters.mean(axis=1, keepdims=True)
        return weights.reshape(-1, fit_images.shape[1], self.patch_size, self.patch_size), filters @ mean

    def _filter_patches(self, images: Images) -> Patches:
        """The patch of each filter. A patch without any contrast defines no filter, so it is drawn again."""
        indices = np.arange(self.num_filters)
        patches = self._patches(images, "random-convolution/filters", indices)
        for attempt in range(1, _REDRAWS + 1):
            flat = np.ptp(patches, axis=1) == 0
            if not flat.any():
                return patches
            patches[flat] = self._patches(images, f"random-convolution/filters/{attempt}", indices[flat])
        raise ValueError(f"no patch in {_REDRAWS} draws has any contrast: are the images blank?")

    def _patches(self, images: Images, purpose: str, indices: npt.NDArray[np.int64]) -> Patches:
        """The patch at a random place in a random image for each index, flattened: (number of indices, d)."""
        bits = words(self.seed, purpose, indices, 3)
        windows = np.lib.stride_tricks.sliding_window_view(images, (self.patch_size, self.patch_size), axis=(2, 3))
        image, row, column = (
            uniform_integers(bits[:, k], bound) for k, bound in enumerate((len(images), *windows.shape[2:4]))
        )
        patches: Patches = windows[image, :, row, column].reshape(len(indices), -1).astype(np.float64)
        return patches

    def _contrast_normalise(self, patches: Patches) -> Patches:
        centred = patches - patches.mean(axis=1, keepdims=True)
        normalised: Patches = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + self.contrast)
        return normalised

    def _features(self, images: Images, filters: torch.Tensor) -> torch.Tensor:
        """Features (n, 8 F) of the images for filters (d + 1, F), on the filters' device."""
        device, num_filters = filters.device, filters.shape[1]
        rows, columns = (side - self.patch_size + 1 for side in images.shape[2:])
        batch = max(1, (_CPU_PATCHES if device.type == "cpu" else _GPU_PATCHES) // (rows * columns))
        # Buffers are made once: fresh pages for every batch would cost as much as the arithmetic.
        patches = torch.ones(batch, filters.shape[0], rows * columns, device=device)
        responses = torch.empty(batch, rows * columns, num_filters, device=device)
        rectified = torch.empty_like(responses)
        out = torch.empty(len(images), num_filters, 2, 2, 2, device=device)
        for start in range(0, len(images), batch):
            pixels = torch.tensor(images[start : start + batch], device=device).float()
            p, z, r = (buffer[: len(pixels)] for buffer in (patches, responses, rectified))
            self._normalised_patches(pixels, p[:, :-1])
            torch.bmm(p.transpose(1, 2), filters.expand(len(pixels), -1, -1), out=z)
            target = out[start : start + batch].movedim(1, -1)  # (batch, sign, 2, 2, F)
            # max(0, z - a) = max(z, a) - a, and the constant passes through the average.
            torch.clamp(z, min=self.threshold, out=r)
            target[:, 0] = _quadrant_means(r, rows, columns) - self.threshold
            z.clamp_(max=-self.threshold)
            target[:, 1] = -_quadrant_means(z, rows, columns) - self.threshold
        return out.view(len(images), _FEATURES_PER_FILTER * num_filters)

    def _normalised_patches(self, pixels: torch.Tensor, out: torch.Tensor) -> None:
        """Writes p / sqrt(variance + c) of every patch of images (n, channels, height, width) to out (n, d, positions).

        The d numbers are in the order (channel, column, row): shifting the image sideways first makes every row of the
        result one contiguous run of the shifted image, ten times faster than gathering patches (`torch.nn.Unfold`).
        """
        n, channels, height, width = pixels.shape
        s = self.patch_size
        rows, columns = height - s + 1, width - s + 1
        # float64, since the variance is a small difference of large numbers where a patch is bright and nearly flat.
        values = pixels.double()
        sums = torch.stack([values.sum(dim=1), values.square().sum(dim=1)])
        mean, mean_square = sums.unfold(2, s, 1).sum(dim=-1).unfold(3, s, 1).sum(dim=-1) / (channels * s * s)
        variance = (mean_square - mean.square()).clamp_min(0.0)
        scale = (variance + self.contrast).clamp_min(torch.finfo(torch.float32).tiny).rsqrt().float()
        shifted = pixels.unfold(3, columns, 1).transpose(2, 3).reshape(n, channels * s, height * columns)
        runs = shifted.unfold(2, rows * columns, columns)  # (n, channels s, s, positions), a view
        torch.mul(runs, scale.reshape(n, 1, 1, -1), out=out.view(n, channels * s, s, rows * columns))


def _quadrant_means(responses: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Means of (n, rows * columns, F) over the quadrants, (n, 2, 2, F); an odd middle goes up and left."""
    n, _, num_filters = responses.shape
    middle = -(-rows // 2)
    lines = responses.view(n, rows, columns * num_filters)
    halves = torch.stack([lines[:, :middle].mean(dim=1), lines[:, middle:].mean(dim=1)], dim=1)
    halves = halves.view(n, 2, columns, num_filters)
    middle = -(-columns // 2)
    return torch.stack([halves[:, :, :middle].mean(dim=2), halves[:, :, middle:].mean(dim=2)], dim=2)

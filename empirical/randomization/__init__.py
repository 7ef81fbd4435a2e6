"""The paper's randomisation tests (Zhang et al. 2017, section 2.1), as pure functions of data and seed, and others.

A test is two independent choices: what happens to the pixels and what replaces the labels.

| test                       | pixels   | label noise              |
| -------------------------- | -------- | ------------------------ |
| true labels                | original | none                     |
| partially corrupted labels | original | uniform, 0 < p < 1       |
| random labels              | original | uniform, p = 1           |
| shuffled pixels            | shuffled | none                     |
| random pixels              | random   | none                     |
| Gaussian                   | gaussian | none                     |
| not the paper's            | mixed    | any: images with noise   |
| not the paper's            | any      | any kind (`label_noise`) |

All is drawn once, before training, keyed by the index of the sample, so that no loader, order of access or
worker can change it. The pixels of lazy images are changed whenever they are read, to the same bits. Test labels are
never touched; test images get the same treatment as training images, from a stream of their own (the one permutation
of shuffled pixels is the same for both).

randomization   a test, which answers for itself; what it makes of a data set
label_noise     the kinds of label noise
pixels          what happens to the pixels
number_files    matrices and labels in files
"""

from empirical.randomization.label_noise import (
    KINDS,
    GivenLabels,
    LabelNoise,
    NoNoise,
    PairFlip,
    Symmetric,
    Transition,
    Uniform,
    uniform,
)
from empirical.randomization.pixels import (
    Pixels,
    gaussian_images,
    image_moments,
    mix_with_noise,
    permute_pixels,
    permute_pixels_of_each,
    pixel_permutation,
)
from empirical.randomization.randomization import (
    GAUSSIAN,
    RANDOM_LABELS,
    RANDOM_PIXELS,
    SHUFFLED_PIXELS,
    TEST_SPELLINGS,
    TRUE_LABELS,
    Randomization,
    RandomizedDataset,
    parse_test,
    randomize,
)

__all__ = [
    "GAUSSIAN",
    "KINDS",
    "RANDOM_LABELS",
    "RANDOM_PIXELS",
    "SHUFFLED_PIXELS",
    "TEST_SPELLINGS",
    "TRUE_LABELS",
    "GivenLabels",
    "LabelNoise",
    "NoNoise",
    "PairFlip",
    "Pixels",
    "Randomization",
    "RandomizedDataset",
    "Symmetric",
    "Transition",
    "Uniform",
    "gaussian_images",
    "image_moments",
    "mix_with_noise",
    "parse_test",
    "permute_pixels",
    "permute_pixels_of_each",
    "pixel_permutation",
    "randomize",
    "uniform",
]

"""How far apart colours are for those who see two primaries instead of three.

A colour as they see it is a matrix times its linear red, green and blue (Machado, Oliveira and Fernandes 2009, severity
1). The difference of two colours is CIEDE2000 (Sharma, Wu and Dalal 2005): one is about the least that is noticed
beside each other; 10 is seen at a glance.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

Array = NDArray[np.float64]

DEFICIENCIES: dict[str, Array] = {
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Matrices on linear RGB, by what is missing. Each row sums to 1: white stays white."""

VIEWS: dict[str, Array] = {"all three primaries": np.eye(3), **DEFICIENCIES}
"""The same, and colour vision without a deficiency."""

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])  # D65


def linear(color: str) -> Array:
    """Linear red, green and blue, (3,), each from 0 to 1, of a colour by name or in hexadecimal (sRGB)."""
    value = np.array(to_rgb(color))
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    """CIELAB, (3,), of linear red, green and blue, (3,)."""
    xyz = _XYZ @ np.clip(rgb, 0, 1) / _WHITE
    edge = 6 / 29
    f = np.where(xyz > edge**3, np.cbrt(xyz), xyz / (3 * edge**2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(first: Array, second: Array) -> float:
    """CIEDE2000 between two colours in CIELAB, (3,)."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25**7))
    a1, a2 = stretch * a1, stretch * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    if not c1 * c2:
        hue = h1 + h2
    elif abs(h1 - h2) <= 180:
        hue = (h1 + h2) / 2
    else:
        hue = ((h1 + h2 + 360) / 2) % 360
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    cosine = [np.cos(np.radians(multiple * hue + shift)) for multiple, shift in ((1, -30), (2, 0), (3, 6), (4, -63))]
    t = 1 + np.array([-0.17, 0.24, 0.32, -0.20]) @ cosine
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    rotation = (
        -2 * np.sqrt(chroma**7 / (chroma**7 + 25**7)) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    )
    d_l, d_c = (l2 - l1) / s_l, (c2 - c1) / s_c
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / s_h
    return float(np.sqrt(d_l**2 + d_c**2 + d_h**2 + rotation * d_c * d_h))


def least_difference(colors: Sequence[str]) -> tuple[float, str, str, str]:
    """The least CIEDE2000 between two of several colours, over all views; the view, and the two colours."""
    return min(
        (difference(lab(matrix @ linear(first)), lab(matrix @ linear(second))), view, first, second)
        for view, matrix in VIEWS.items()
        for first, second in combinations(colors, 2)
    )


def contrast(color: str, ground: str = "white") -> float:
    """The ratio of luminances of the Web Content Accessibility Guidelines, from 1 to 21."""
    brighter, darker = sorted((float(_XYZ[1] @ linear(name)) for name in (color, ground)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)

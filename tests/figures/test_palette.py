"""The palette: told apart by those who see two primaries, on white, and never by colour alone."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from empirical.randomization import parse_test
from figures import palette, style
from figures.colour_vision import DEFICIENCIES, contrast, difference, least_difference


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # of the published test data of Sharma, Wu and Dalal 2005, the pairs at which programs go wrong
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_is_the_published_one(first, second, expected):
    assert difference(np.array(first), np.array(second)) == pytest.approx(expected, abs=5e-5)  # four digits published


def test_the_matrices_leave_grey_as_it_is():
    for matrix in DEFICIENCIES.values():
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=2e-6)  # six digits published


def test_the_colours_are_apart_in_every_view():
    least, view, first, second = least_difference(palette.COLORS)
    assert least > 15, f"{least:.1f} under {view}: {first}, {second}"


def test_the_colours_of_before_were_not():
    least, view, *pair = least_difference(["#1b6ca8", "#c0392b", "#2e8b57", "#8e5ea2", "#d9902f"])
    assert least < 3
    assert view == "protanopia"
    assert set(pair) == {"#1b6ca8", "#8e5ea2"}


def test_the_colours_are_seen_on_white():
    assert all(contrast(color) >= 3 for color in palette.COLORS)  # of graphics; 4.5 is of text
    assert contrast(palette.REFERENCE) >= 4.5


def test_no_two_series_are_told_by_colour_alone():
    looks = palette.looks(36)
    assert len(set(looks)) == 36
    for first, second in combinations(looks[:6], 2):
        assert first.marker != second.marker
        assert first.dashes != second.dashes
    again = [look for look in looks if look.color == palette.BLUE]
    assert len({look.marker for look in again}) == len({look.dashes for look in again}) == 6


def test_tests_and_levels_of_corruption_are_told_by_dashes_and_markers():
    names = [test.option for test in style.TEST_COLORS] + ["corrupted-0.2", "corrupted-0.5", "corrupted-0.8"]
    tests = [parse_test(name) for name in names]
    assert len({(style.test_dashes(test), style.test_marker(test)) for test in tests}) == len(tests)
    assert len({style.test_marker(test) for test in tests}) >= 6


def test_no_figure_has_a_colour_of_its_own():
    """Greys apart: frames and notes."""
    for module in sorted(Path(style.__file__).parent.glob("*.py")):
        if module.stem in ("palette", "colour_vision"):
            continue
        colors = re.findall(r'"#([0-9a-fA-F]{6})"', module.read_text(encoding="utf-8"))
        assert all(color[:2] == color[2:4] == color[4:] for color in colors), (module.name, colors)

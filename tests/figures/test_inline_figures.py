"""A figure within the page: the same picture, without what nobody sees."""

from pathlib import Path

from figures.report import _inline

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
 <metadata>who and when</metadata>
 <defs><path id="m1" d="M 0 3.456789 L -2.987654 0"/><clipPath id="p2"><rect x="1.234567" y="2"/></clipPath></defs>
 <g id="line2d_1" clip-path="url(#p2)"><use xlink:href="#m1" x="57.123456" y="7.1"/></g>
 <g id="text_1" transform="translate(1 2) scale(0.015625)">
  <text style="font-size: 8px; font-family: 'DejaVu Sans'" transform="rotate(-0 1 2)">p = 0.12345</text></g>
</svg>
"""


def test_what_a_figure_refers_to_stays_and_what_nobody_sees_goes(tmp_path: Path):
    path = tmp_path / "curve.svg"
    path.write_text(SVG)
    svg = _inline(path)
    assert svg.startswith("<svg")
    assert 'id="curve-m1"' in svg
    assert 'xlink:href="#curve-m1"' in svg
    assert 'id="curve-p2"' in svg
    assert "url(#curve-p2)" in svg
    for fragment in ("metadata", "line2d_1", "text_1", "rotate(-0", "DejaVu"):
        assert fragment not in svg
    assert 'd="M 0 3.45 L -2.98 0"' in svg
    assert 'x="57.12"' in svg
    assert "scale(0.015625)" in svg, "a scale is no coordinate"
    assert "p = 0.12345" in svg, "nor is a text"

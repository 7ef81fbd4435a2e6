"""The page "Theorem 1 by hand" in a real browser: its numbers are the package's, and people can use it."""

import html
import json
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory.common.rounding import gamma
from theory.common.streams import generator
from theory.expressivity import DepthTwoNetwork, relu_interpolant
from theory.expressivity.interleaved_matrix import (
    biases_before,
    eigenvalues,
    feedback_ratios,
    interleaved_inverse,
    interleaved_weights,
    smallest_singular_value,
    weight_bound,
)
from theory.expressivity.projection import project, project_magnitudes

PAGE = Path(__file__).parents[2] / "docs" / "theorem-1.html"
WIDTHS = (390, 1280, 1920)


@pytest.fixture
def dump(tmp_path):
    """A function that opens an address in headless Chromium and returns the document it has become."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("Chromium is not installed")

    def run(address: str, width: int = 1280) -> str:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1200", "--dump-dom", address]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    return run


@pytest.fixture
def ask(dump, tmp_path):
    """A function that runs a script at the end of the page and returns what its expression `answer` is."""

    def run(script: str) -> Any:
        probe = f"<script>{script}\ndocument.body.innerHTML = '<pre id=answer></pre>';"
        probe += "document.getElementById('answer').textContent = JSON.stringify(answer);</script></body>"
        page = tmp_path / "page.html"
        page.write_text(PAGE.read_text().replace("</body>", probe))
        return numbers_of(text_of(dump(page.as_uri()), "answer"))

    return run


def numbers_of(text: str) -> Any:
    """JSON as JavaScript wrote it: all numbers are float64, those without a point too."""
    return json.loads(text, parse_int=float)


def text_of(document: str, name: str) -> str:
    """The text of the element pre of an id."""
    match = re.search(rf'<pre id="{name}"[^>]*>(.*?)</pre>', document, re.DOTALL)
    assert match is not None, document[-2000:]
    return html.unescape(match.group(1))


def hash_of(points: np.ndarray, labels: np.ndarray, eps: float, direction: np.ndarray | None = None) -> str:
    """The address's hash, in digits that float64 gives back to the bit."""
    fields = {"mode": "line" if direction is None else "plane", "x": points[:, 0], "y": labels, "eps": eps}
    if direction is not None:
        fields |= {"u": points[:, 1], "a": direction}
    return "#" + "&".join(
        f"{name}={value if isinstance(value, str) else ','.join(map(repr, np.atleast_1d(value).tolist()))}"
        for name, value in fields.items()
    )


def samples() -> list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Points, labels, and in the plane a direction: every size up to the page's 40, easy and hard."""
    rng = generator(0, "theorem-1-page")
    cases: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]] = []
    for n in (1, 2, 3, 5, 8, 13, 40):
        cases.append((rng.uniform(0, 10, (n, 1)), rng.integers(0, 2, n).astype(float), None))
        cases.append((np.linspace(0, 10, n)[:, None].round(2), (-1.0) ** np.arange(n), None))
        cases.append((rng.standard_normal((n, 1)) * 1e-6, rng.standard_normal(n) * 1e5, None))
        points, labels = rng.standard_normal((n, 2)), rng.standard_normal(n)
        cases.append((points, labels, relu_interpolant(points, labels).direction))
    cases.append((np.array([[0.0], [0.0]]), np.array([1.0, 1.0]), None))  # a point twice
    cases.append((np.array([[3.0], [1.0], [1.0 + 1e-9], [2.0], [3.0]]), np.array([0.0, 1.0, -1.0, 0.5, 0.0]), None))
    cases.append((np.array([[-7.0]]), np.array([0.1]), None))
    return cases


def test_numbers_are_the_packages(ask):
    """Biases, weights, outputs and A^-1 to the bit: the page does the same float64 operations in the same order.

    Two numbers may differ in their last digits. sigma_min comes from another algorithm (Jacobi rotations, not LAPACK's
    SVD); both are backward stable, so each errs by a small multiple of n units of round-off relative to ||A^-1||, which
    is the very number: 8n of them are allowed. kappa is rational in the package; its sum of n positive terms, each a
    power, is rounded at most 4n times. Projections of points in the plane add two products, in any order or fused.
    """
    cases = [(*sample, eps) for sample in samples() for eps in (1.0, 0.75, 0.5, 0.25)]
    hashes = [hash_of(points, labels, eps, direction) for points, labels, direction, eps in cases]
    answers = ask(f"const answer = {json.dumps(hashes)}.map((hash) => describe(stateOfHash(hash)));")
    for (points, labels, direction, eps), answer in zip(cases, answers, strict=True):
        order, z = np.array(answer["order"], dtype=int), np.array(answer["z"])
        if direction is None:
            assert z.tolist() == sorted(set(points[:, 0].tolist()))
        else:
            error = 2 * gamma(2) * project_magnitudes(points, direction)
            assert (np.abs(z - project(points, direction)[order]) <= error[order]).all()
        assert answer["direction"] == ([1.0] if direction is None else direction.tolist())
        if eps == 1.0:
            network = relu_interpolant(z[:, None], labels[order])
            weights = network.weights
        else:
            biases = np.array(biases_before(z, eps), dtype=np.float64)
            weights = np.array(interleaved_weights(z, biases, labels[order]), dtype=np.float64)[:, None]
            network = DepthTwoNetwork(np.ones(1), biases, weights)
        assert answer["biases"] == network.biases.tolist()
        assert answer["weights"] == weights[:, 0].tolist()
        assert answer["outputs"] == network(z[:, None]).tolist()
        assert answer["sum_of_relus"] == network.sum_of_relus(z[:, None]).tolist()
        assert answer["num_weights"] == network.num_weights + points.shape[1] - 1
        assert answer["largest_error"] == np.abs(network.sum_of_relus(z[:, None]) - labels[order]).max()
        assert answer["largest_weight"] == np.abs(weights).max()
        assert answer["inverse"] == interleaved_inverse(z, network.biases).tolist()
        assert answer["smallest_eigenvalue"] == float(min(eigenvalues(z, network.biases)))
        units = len(z) * 2.0**-53
        assert answer["smallest_singular_value"] == pytest.approx(
            smallest_singular_value(z, network.biases), rel=8 * units, abs=0
        )
        ratio = max(feedback_ratios(z, network.biases), default=Fraction(0))
        assert answer["weight_bound"] == pytest.approx(float(weight_bound(len(z), ratio)), rel=4 * units + 1e-15, abs=0)


@pytest.mark.parametrize("eps", [1.0, 0.5])
@pytest.mark.parametrize("plane", [False, True])
def test_the_page_as_it_is_and_its_python(dump, eps, plane):
    """The address carries points and labels; the Python that the page shows gives the very weights it shows."""
    points = np.array([[0.3, -0.7], [0.1, 0.4], [-0.9, 0.2], [0.8, 0.8]])[:, : 1 + plane]
    labels = np.array([1.0, 0.0, -0.5, 1.0])
    direction = np.array([0.6, -0.8]) if plane else None
    document = dump(PAGE.as_uri() + hash_of(points, labels, eps, direction))
    answer = numbers_of(text_of(document, "json"))
    assert answer["eps"] == eps
    assert [labels[int(i)] for i in answer["order"]] == answer["labels"]
    names: dict[str, object] = {}
    exec(text_of(document, "python"), names)
    network = names["network"]
    assert isinstance(network, DepthTwoNetwork)
    assert network.biases.tolist() == answer["biases"]
    assert network.weights[:, 0].tolist() == answer["weights"]
    assert answer["largest_error"] < 1e-13


def test_moving_a_label_changes_three_weights_or_all_that_follow(ask):
    """Keys, as a person without a mouse presses them; then what a pointer does."""
    result = ask("""
      const numbers = () => JSON.parse(find("json").textContent);
      const changed = (before, after) => before.weights.flatMap((weight, j) =>
        Math.abs(weight - after.weights[j]) > 1e-9 ? [j + 1] : []);
      const press = (key, index) => document.querySelectorAll("#line .point")[index]
        .dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      const answer = {};
      state = stateOfHash("#x=0,1,2,3,4,5,6,7&y=0,1,0,1,1,0,0,1");
      render();
      let before = numbers();
      press("ArrowUp", 2);
      answer.label = numbers().labels[2];
      answer.atData = changed(before, numbers());
      answer.sentence = find("moving").textContent;
      answer.highlighted = document.querySelectorAll("#weights td.changes").length;
      press("ArrowDown", 2);
      document.querySelector('input[name="eps"][value="2"]').click();
      before = numbers();
      press("ArrowUp", 2);
      answer.atMidpoints = changed(before, numbers());
      press("ArrowRight", 7);
      answer.right = numbers().z[7];
      press("Delete", 7);
      answer.deleted = numbers().z.length;
      const svg = find("line"), box = svg.getBoundingClientRect();
      const event = (kind, x, y) => new PointerEvent(kind, { bubbles: true, pointerId: 1,
        clientX: box.left + svg.map.x(x), clientY: box.top + svg.map.y(y) });
      svg.dispatchEvent(event("click", 8.5, 0.5));
      answer.added = [numbers().z.at(-1), numbers().labels.at(-1)];
      const point = svg.querySelector('[data-point="0"]');
      point.dispatchEvent(event("pointerdown", 0, 0));
      svg.dispatchEvent(event("pointermove", 0.5, 0.75));
      svg.dispatchEvent(event("pointerup", 0.5, 0.75));
      answer.dragged = [numbers().z[0], numbers().labels[0]];
      const field = find("weights").querySelector('[data-field="0 y"]');
      field.value = "-0.25";
      field.dispatchEvent(new Event("change", { bubbles: true }));
      answer.typed = numbers().labels[0];
      state.points[1] = [...state.points[0]];
      render();
      answer.conflict = [find("message").textContent, numbers().problem];
      document.querySelector('[data-preset="alternating"]').click();
      answer.preset = numbers().labels;
      const rounding = () => (find("weights").textContent.match(/≈ 0/g) ?? []).length;
      state = stateOfHash("#x=0,1.4,2.9,4,5.6&y=1,0,0,1,1"); // level between points 2 and 3, and 4 and 5
      render();
      answer.level = rounding();
      state = exampleState("alternating", 30, "line", 1); // weights from 10 to 10^15, none of them rounding
      render();
      answer.wild = rounding();
      document.querySelector('input[name="mode"][value="plane"]').click();
      answer.plane = numbers().direction;
      document.querySelector("#plane .handle").dispatchEvent(new KeyboardEvent("keydown",
        { key: "ArrowUp", bubbles: true, cancelable: true }));
      answer.turned = numbers().direction;
    """)
    assert result["label"] == 0.1
    assert result["atData"] == [3, 4, 5]
    assert result["sentence"].endswith("changes 3 of the 8 weights: w₃, w₄ and w₅.")
    assert result["highlighted"] == 3
    assert result["atMidpoints"] == [3, 4, 5, 6, 7, 8]
    assert result["right"] == 7.1
    assert result["deleted"] == 7
    assert result["added"] == pytest.approx([8.5, 0.5], abs=0.06)  # a pixel, and rounded to hundredths
    assert result["dragged"] == pytest.approx([0.5, 0.75], abs=0.06)
    assert result["typed"] == -0.25
    assert "Points 1 and 2 are the same point with different labels" in result["conflict"][0]
    assert result["conflict"][0] == result["conflict"][1]
    assert result["preset"] == [1, -1, 1, -1, 1, -1, 1, -1]
    assert result["level"] == 2
    assert result["wild"] == 0
    assert result["plane"] == pytest.approx([np.cos(np.pi / 6), 0.5])
    assert result["turned"] == pytest.approx([np.cos(np.radians(31)), np.sin(np.radians(31))])


def test_midpoints_go_wild_and_the_eigenvalue_does_not_tell(ask):
    """C19 as the page shows it: alternating labels on 30 points."""
    result = ask("""
      state = exampleState("alternating", 30, "line", 4);
      const answer = [4, 3, 2, 1].map((quarters) => describe({ ...state, quarters }));
    """)
    largest = [answer["largest_weight"] * answer["smallest_eigenvalue"] for answer in result]
    bounds = [answer["weight_bound"] for answer in result]
    assert all(0.9 * bound < value <= bound for value, bound in zip(largest[:2], bounds[:2], strict=True))
    assert largest[2] > 100  # of at most 4(n - 1) = 116
    assert bounds[2] == pytest.approx(116)
    assert largest[3] > 1e12
    eigenvalue_ratio = result[0]["smallest_eigenvalue"] / result[3]["smallest_eigenvalue"]
    assert eigenvalue_ratio == pytest.approx(4)
    assert result[3]["smallest_singular_value"] < 1e-12 * result[0]["smallest_singular_value"]


def test_it_fits_phones_and_screens(dump, tmp_path):
    """At each width, and in both modes, nothing sticks out sideways, and every control has a name."""
    frames = []
    text = PAGE.read_text()
    for width in WIDTHS:
        for mode in ("line", "plane"):
            script = f"""<script>document.querySelector('input[value="{mode}"]').click();</script></body>"""
            source = html.escape(text.replace("</body>", script))
            frames.append(f'<iframe style="border: 0" width="{width}" height="2500" srcdoc="{source}"></iframe>')
    probe = """<pre id="answer"></pre><script>addEventListener("load", () => {
      const name = (element) => element.getAttribute("aria-label") || element.textContent.trim()
        || [...(element.labels ?? [])].map((label) => label.textContent.trim()).join(" ");
      const report = [...document.querySelectorAll("iframe")].map(({ contentWindow: view }) => ({
        overflow: view.document.documentElement.scrollWidth - view.innerWidth,
        nameless: [...view.document.querySelectorAll("button, input, [tabindex='0']")]
          .filter((element) => !name(element)).map((element) => element.outerHTML),
        small: [...view.document.querySelectorAll("svg")].filter((svg) => svg.clientWidth > 0)
          .map((svg) => svg.clientWidth),
        points: view.document.querySelectorAll("#line .point").length }));
      document.getElementById("answer").textContent = JSON.stringify(report); });</script>"""
    outer = tmp_path / "frames.html"
    outer.write_text("<!doctype html><body>" + "".join(frames) + probe)
    report = json.loads(text_of(dump(outer.as_uri(), 2000), "answer"))
    assert len(report) == 2 * len(WIDTHS)
    for frame in report:
        assert frame["overflow"] <= 0
        assert frame["nameless"] == []
        assert min(frame["small"]) > 300
        assert frame["points"] == 8


def test_it_needs_no_network():
    """No address but the name of SVG's vocabulary, and a policy that forbids the browser to fetch anything."""
    text = PAGE.read_text()
    assert set(re.findall(r"https?://[^\s\"'<)]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text
    assert re.findall(r"<script[^>]*src=|<link[^>]*stylesheet|@import|url\((?!#)", text) == []


def test_bad_addresses_get_a_clear_message(ask):
    problems = {
        "#x=1,2&y=0": "must be of one length",
        "#x=1&y=0&eps=0.3": "0.25",
        "#x=nonsense&y=0": "between −1,000,000 and 1,000,000",
        "#mode=plane&x=1&u=1&y=0": "must be two numbers",
        "#mode=plane&x=0,0&u=1,2&y=0,1&a=1,0": "turn it a little",
    }
    answers = ask(f"""
      const answer = {json.dumps(list(problems))}.map((hash) => {{
        history.replaceState(null, "", hash);
        readHash();
        return [find("message").textContent, JSON.parse(find("json").textContent).problem];
      }});
    """)
    for problem, (message, recorded) in zip(problems.values(), answers, strict=True):
        assert problem in message
        assert recorded == message

"""Check that a certificate's network interpolates a sample, with zero tolerance, trusting nothing.

This module shares no code with the construction and imports none of it: the standard library's integers and
`fractions` do all the arithmetic. It evaluates the network that is written in the certificate, whatever it is, at every
point of the sample:

    z = <a, x>;   layer 1: h_j = max(z - b_j, 0);   p = max(z - origin, 0);   S = sum_j w_j h_j
    layer l > 1:  S <- max(S + offset, 0) - offset + sum_j w_j max(p - b_j, 0);   p <- max(p, 0)

and compares the last S with the label. A sum of hinges at all points is taken in one sweep over points and biases in
order, with the running sums A of w_j and B of w_j b_j: it is A z - B. That needs no property of the biases or
weights, and O((n + m) log n) operations instead of n m.

    python -m theory.expressivity.certificate_checker CERTIFICATE DATA

checks a file against a sample in a file: CSV, a point a line with its label last, or JSON, {"points": ..., "labels":
...}, either of them also compressed (`.gz`). Exit status 0: it holds; 1: it does not; 2: a file cannot be read.
"""

import argparse
import csv
import gzip
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from numbers import Integral
from operator import mul
from pathlib import Path
from typing import Any

_ROWS_AT_ONCE = 500

Projections = Callable[[Sequence[Fraction], Any], Iterable[Fraction]]
"""Maps a direction and points to <a, x> of every point."""


@dataclass(frozen=True)
class CheckedCertificate:
    """The outcome of a check.

    Attributes:
        holds: whether everything the certificate claims is true of the sample.
        points: points checked, all of them.
        num_weights: weights counted in the certificate.
        problems: what is not true, in words; the first few.
        wrong_rows: rows of the sample at which the network does not take the label.
    """

    holds: bool
    points: int
    num_weights: int
    problems: tuple[str, ...]
    wrong_rows: tuple[int, ...]


def check_certificate(
    certificate: str | Path | Mapping[str, Any], points: Any, labels: Any, *, projections: Projections | None = None
) -> CheckedCertificate:
    """Check a certificate against a sample.

    Arguments:
        certificate: the document, or the file it is in.
        points: n points as rows: nested lists of integers and floats, or an array that can be sliced and has `tolist`;
            images are flattened. Floats count as the rational numbers they are.
        labels: n labels, or n rows of labels, likewise.
        projections: how points are projected, by default `integer_projections`, which trusts nothing but Python.
            `machine_integers.int64_projections` gives equal numbers many times faster and trusts NumPy's integers.

    A certificate that is damaged, does not fit the sample's shape or does not interpolate is reported, not raised.
    Raises OSError for a file that cannot be opened: nothing is known of what is in it.
    """
    try:
        document = (
            certificate
            if isinstance(certificate, Mapping)
            else json.loads(Path(certificate).read_text(encoding="utf-8"), object_pairs_hook=_unique)
        )
        return _check(document, points, labels, projections or integer_projections)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        return CheckedCertificate(False, 0, 0, (f"not a certificate: {type(error).__name__}: {error}",), ())


def _check(document: Mapping[str, Any], points: Any, labels: Any, projections: Projections) -> CheckedCertificate:
    _require_keys(document, _KEYS, "the certificate")
    for index, layer in enumerate(document["layers"], start=1):
        _require_keys(layer, _LAYER_KEYS, f"layer {index}")
    for name in ("depth", "num_weights"):
        if type(document[name]) is not int:
            raise ValueError(f"{name} must be an integer, got {document[name]!r}")
    problems = []
    content = {key: value for key, value in document.items() if key != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(canonical.encode()).hexdigest() != document["sha256"]:
        problems.append("the digest is not that of the weights")
    if document["format"] != "relu-interpolation-1":
        problems.append(f"unknown format {document['format']!r}")
    direction = [_number(text) for text in document["direction"]]
    layers = [
        (
            [_number(text) for text in layer["biases"]],
            [[_number(text) for text in column] for column in layer["weights"]],
        )
        for layer in document["layers"]
    ]
    origin, offsets = _number(document["origin"]), [_number(text) for text in document["offsets"]]
    if document["depth"] != len(layers) + 1 or not layers:
        problems.append(f"depth {document['depth']} claimed, {len(layers) + 1} found")
    counted = len(direction) + sum(len(biases) + sum(map(len, columns)) for biases, columns in layers)
    counted += 1 + len(offsets) if len(layers) > 1 else 0
    if counted != document["num_weights"]:
        problems.append(f"{document['num_weights']} weights claimed, {counted} found")
    if any([len(column) for column in columns] != [len(biases)] * len(offsets) for biases, columns in layers):
        problems.append("a layer has not one weight for each bias and output")
        return CheckedCertificate(False, 0, counted, tuple(problems), ())
    try:
        targets = [[_rational(value) for value in _flat(row)] for row in _rows(labels)]
        z = list(projections(direction, points))
    except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        problems.append(f"the sample is none for this network: {type(error).__name__}: {error}")
        return CheckedCertificate(False, 0, counted, tuple(problems), ())
    if len(targets) != len(z):
        problems.append(f"{len(z)} points, {len(targets)} labels")
        return CheckedCertificate(False, 0, counted, tuple(problems), ())
    order = sorted(range(len(z)), key=z.__getitem__)
    totals = _outputs([z[row] for row in order], layers, origin, offsets)
    wrong = sorted(
        row for row, values in zip(order, zip(*totals, strict=True), strict=True) if [*values] != targets[row]
    )
    if wrong:
        problems.append(f"{len(wrong)} of {len(z)} points miss their label, the first in row {wrong[0]}")
    if not z:
        problems.append("the sample is empty")
    return CheckedCertificate(not problems, len(z), counted, tuple(problems), tuple(wrong))


_KEYS = {"format", "depth", "num_weights", "direction", "layers", "origin", "offsets", "sha256"}
_LAYER_KEYS = {"biases", "weights"}


def _require_keys(document: Mapping[str, Any], names: set[str], what: str) -> None:
    if set(document) != names:
        odd = ", ".join(sorted(map(repr, set(document) ^ names)))
        raise ValueError(f"{what} has unknown or missing keys: {odd}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON file; a key that is there twice would mean whatever the reader likes."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key is there twice")
    return document


def _outputs(
    z: list[Fraction],
    layers: Sequence[tuple[list[Fraction], list[list[Fraction]]]],
    origin: Fraction,
    offsets: Sequence[Fraction],
) -> list[list[Fraction]]:
    """The network's outputs, output by output, at projections in increasing order."""
    carried = z
    totals = [[Fraction(0)] * len(z) for _ in offsets]
    for index, (biases, columns) in enumerate(layers):
        for output, weights in enumerate(columns):
            offset, sums = offsets[output], _hinge_sums(carried, biases, weights)
            before = totals[output]
            if index > 0:
                before = [max(total + offset, Fraction(0)) - offset for total in before]
            totals[output] = [total + more for total, more in zip(before, sums, strict=True)]
        shift = origin if index == 0 else Fraction(0)
        carried = [max(value - shift, Fraction(0)) for value in carried]
    return totals


def _hinge_sums(at: Sequence[Fraction], biases: Sequence[Fraction], weights: Sequence[Fraction]) -> Iterator[Fraction]:
    """sum_j weights[j] max(x - biases[j], 0) for x in `at`, which increases."""
    hinges = iter(sorted(zip(biases, weights, strict=True)))
    hinge = next(hinges, None)
    slope = intercept = Fraction(0)
    for x in at:
        while hinge is not None and hinge[0] < x:
            slope += hinge[1]
            intercept += hinge[1] * hinge[0]
            hinge = next(hinges, None)
        yield slope * x - intercept


def integer_projections(direction: Sequence[Fraction], points: Any) -> Iterator[Fraction]:
    """<a, x> of every point, over integers as far as the numbers are integers."""
    common = 1
    for a in direction:
        common = common * a.denominator // _gcd(common, a.denominator)
    numerators = [int(a * common) for a in direction]
    for row in _rows(points):
        coordinates = _flat(row)
        if len(coordinates) != len(numerators):
            raise ValueError(f"a point has {len(coordinates)} coordinates, the network takes {len(numerators)}")
        if not all(type(value) is int for value in coordinates):
            coordinates = [_rational(value) for value in coordinates]
        yield Fraction(sum(map(mul, numerators, coordinates)), common)


def _rows(values: Any) -> Iterator[Any]:
    """The rows of nested lists, or of an array, in blocks: a large array is never turned into lists as a whole."""
    for start in range(0, len(values), _ROWS_AT_ONCE):
        block = values[start : start + _ROWS_AT_ONCE]
        yield from islice(block.tolist() if hasattr(block, "tolist") else block, _ROWS_AT_ONCE)


def _flat(value: Any) -> list[Any]:
    """A row's numbers in one list."""
    if not isinstance(value, list | tuple):
        return [value]
    if value and isinstance(value[0], list | tuple):
        return [number for part in value for number in _flat(part)]
    return list(value)


def _number(text: str) -> Fraction:
    """An integer or a quotient of two, decimal or 0x hexadecimal."""
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator, 0), int(denominator, 0) if denominator else 1)


def _rational(value: Any) -> Fraction:
    """The rational number that an integer, a float of any length or a fraction is."""
    if isinstance(value, Integral):  # NumPy's too
        return Fraction(int(value))
    above, below = value.as_integer_ratio()
    return Fraction(int(above), int(below))


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


def _read_rows(rows: Any) -> list[list[int | Fraction]]:
    """Rows of numbers, or of their decimal digits; what is an integer as one, for speed."""
    exact = [[Fraction(value) for value in _flat(row)] for row in rows]
    return [[value.numerator if value.denominator == 1 else value for value in row] for row in exact]


def read_sample(path: str | Path) -> tuple[list[list[int | Fraction]], list[list[int | Fraction]]]:
    """Points and labels from a file of numbers, each as the rational number that is written there.

    Raises ValueError for a file of another form, OSError for one that cannot be opened.
    """
    name = Path(path).name.lower().removesuffix(".gz")
    opener = gzip.open if str(path).lower().endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        if name.endswith(".json"):
            content = json.load(file, parse_float=Fraction)
            if not isinstance(content, dict) or set(content) != {"points", "labels"}:
                raise ValueError(f'{path} must be {{"points": [...], "labels": [...]}}')
            return _read_rows(content["points"]), _read_rows(content["labels"])
        if name.endswith(".csv"):
            rows = _read_rows([row for row in csv.reader(file) if row])
            return [row[:-1] for row in rows], [row[-1:] for row in rows]
    raise ValueError(f"{path} must end in .csv or .json, or in one of them and .gz")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m theory.expressivity.certificate_checker",
        description="Check by exact arithmetic that a certificate's network gives every point of a sample its label.",
    )
    parser.add_argument("certificate", metavar="CERTIFICATE", help="JSON, as save_certificate writes it")
    parser.add_argument("data", metavar="DATA", help=".csv (label last) or .json (points, labels), also .gz")
    options = parser.parse_args(arguments)
    try:
        points, labels = read_sample(options.data)
        outcome = check_certificate(options.certificate, points, labels)
    except (OSError, ValueError, TypeError, ZeroDivisionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for problem in outcome.problems:
        print(problem)
    verdict = "holds" if outcome.holds else "does not hold"
    print(f"{verdict}: {outcome.points} points, {outcome.num_weights} weights, exact arithmetic")
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main())

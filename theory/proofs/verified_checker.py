"""The checker of certificates that Coq has verified, run on a sample.

`certificate.v` holds the checker and the proof that what it accepts is a network that takes every label exactly. There
are two ways to run it. As a program: Coq extracts it to OCaml, with Zarith's integers for Coq's own, and `check.ml`
reads the input. Inside Coq: `instance` writes a file in which Coq computes the check and concludes, by the theorem,
that `network a b w x = y` at every point; nothing but Coq's kernel is trusted then, and the sample has to be small.

The checker takes networks of depth 2 with one output, which is what Theorem 1 speaks of.
"""

import json
import math
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from theory.proofs.compilation import compiled
from theory.proofs.compilation import missing as coq_missing
from theory.proofs.record import SOURCES

PACKAGES = "ocaml-nox ocaml-findlib libzarith-ocaml-dev"
_ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class VerifiedCheck:
    """The answer of the verified checker.

    Attributes:
        holds: whether the network takes the label at every point and has at most as many hinges as there are points.
        points: points checked.
        seconds: the program's time, reading its input included.
    """

    holds: bool
    points: int
    seconds: float


def missing() -> str | None:
    """Why the checker cannot be built here, in words; None if it can."""
    if reason := coq_missing():
        return reason
    if shutil.which("ocamlfind") is None:
        return f"OCaml is not installed (Debian: apt-get install {PACKAGES})"
    if subprocess.run(["ocamlfind", "query", "zarith"], capture_output=True).returncode:
        return f"OCaml lacks Zarith (Debian: apt-get install {PACKAGES})"
    return None


@contextmanager
def checker() -> Iterator[Path]:
    """The program, built in a temporary folder: proofs compiled, checker extracted and compiled.

    Raises RuntimeError where Coq or OCaml is missing, and ProofError where Coq does not accept the proof.
    """
    if reason := missing():
        raise RuntimeError(reason)
    with compiled(["network", "certificate", "extraction"]) as build:
        shutil.copyfile(SOURCES / "check.ml", build / "check.ml")
        sources = ["checker.mli", "checker.ml", "check.ml"]
        command = ["ocamlfind", "ocamlopt", "-w", "-a", "-package", "zarith", "-linkpkg", *sources, "-o", "check"]
        subprocess.run(command, cwd=build, check=True, capture_output=True)
        yield build / "check"


def verified_check(
    certificate: str | Path | Mapping[str, Any], points: Any, labels: Any, program: Path | None = None
) -> VerifiedCheck:
    """Check a certificate against a sample with the verified checker.

    Arguments:
        certificate: the document, or the file it is in, as `theory.expressivity.certificates` writes it.
        points: n points as rows of integers: nested lists or an array; images are flattened. Floats and Fractions
            count as the rational numbers they are.
        labels: n labels.
        program: the program, where `checker` has built it already; it is built for this call otherwise.

    Raises ValueError for a certificate of another depth or more outputs, or input that cannot be read.
    """
    document = _document(certificate)
    if program is None:
        with checker() as built:
            return verified_check(document, points, labels, built)
    with tempfile.TemporaryFile("w+") as file:
        _write(document, points, labels, file)
        file.seek(0)
        start = time.perf_counter()
        outcome = subprocess.run([program], stdin=file, capture_output=True, text=True)
        seconds = time.perf_counter() - start
    if outcome.returncode not in (0, 1):
        raise ValueError(f"the checker cannot read its input: {outcome.stderr.strip()}")
    return VerifiedCheck(outcome.stdout == "true\n", len(points), seconds)


def instance(certificate: Mapping[str, Any], points: Any, labels: Any) -> str:
    """A Coq file that proves `network a b w x = y` over the rationals for every point x of the sample and its label y.

    Coq accepts it only if that is so, and if the network has at most as many hinges as there are points.
    """
    direction, common, hinges = _network(certificate)
    rows, denominator = _integer_rows(points)
    sample = zip(rows, labels, strict=True)
    numbers = "; ".join(f"({value})%Z" for value in direction)
    pairs = "; ".join(f"({_coq(bias)}, {_coq(weight)})" for bias, weight in hinges)
    listed = "; ".join(
        f"([:: {'; '.join(f'({value})%Z' for value in row)}], {_coq(_rational(label))})" for row, label in sample
    )
    return f"""From Coq Require Import ZArith.
From mathcomp Require Import all_ssreflect.
From Rethinking Require Import network certificate.

Definition D := {denominator}%positive.
Definition c := Certificate [:: {numbers}] {common}%positive [:: {pairs}].
Definition sample : seq (seq Z * fraction) := [:: {listed}].

From mathcomp Require Import all_algebra ssrZ.

Theorem instance x y : (x, y) \\in sample ->
  network (@direction_of rat_realFieldType c) (@biases_of rat_realFieldType c)
    (@weights_of rat_realFieldType c) (@point_of rat_realFieldType c D x) = @value rat_realFieldType y.
Proof.
have checked : check c D sample = true by vm_compute.
by have [_] := @check_sound rat_realFieldType c D sample checked; apply.
Qed.
"""


def _write(certificate: Mapping[str, Any], points: Any, labels: Any, file: IO[str]) -> None:
    """The input of check.ml."""
    direction, common, hinges = _network(certificate)
    if len(points) != len(labels):
        raise ValueError(f"labels must go with the points: {len(points)} points, {len(labels)} labels")
    file.write(f"{common}\n{len(direction)}\n{' '.join(map(hex, direction))}\n{len(hinges)}\n")
    for bias, weight in hinges:
        file.write(f"{_plain(bias)} {_plain(weight)}\n")
    denominator = math.lcm(*(_denominator(block) for block in _blocks(points)))
    file.write(f"{denominator}\n{len(points)}\n")
    targets = iter(labels.tolist() if hasattr(labels, "tolist") else labels)
    for block in _blocks(points):
        for row in block:
            coordinates = _flat(row)
            if len(coordinates) != len(direction):
                raise ValueError(
                    f"points have {len(coordinates)} coordinates, the certificate's network takes {len(direction)}"
                )
            if denominator > 1:
                coordinates = [int(_rational(value) * denominator) for value in coordinates]
            file.write(f"{' '.join(map(str, coordinates))} {_plain(_rational(next(targets)))}\n")


def _network(certificate: Mapping[str, Any]) -> tuple[list[int], int, list[tuple[Fraction, Fraction]]]:
    """The direction in integers, their common denominator, and the hinges."""
    layers, outputs = certificate["layers"], len(certificate["offsets"])
    if len(layers) != 1 or outputs != 1:
        raise ValueError(
            f"certificate must be of a network of depth 2 with one output, got depth {len(layers) + 1} and {outputs}"
        )
    direction = [_fraction(text) for text in certificate["direction"]]
    common = math.lcm(*(value.denominator for value in direction))
    biases, weights = map(_fraction, layers[0]["biases"]), map(_fraction, layers[0]["weights"][0])
    return [int(value * common) for value in direction], common, list(zip(biases, weights, strict=True))


def _document(certificate: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(certificate, Mapping):
        return certificate
    document: Mapping[str, Any] = json.loads(Path(certificate).read_text(encoding="utf-8"))
    return document


def _blocks(points: Any) -> Iterator[list[Any]]:
    """The rows in blocks: a large array is never turned into lists as a whole."""
    for start in range(0, len(points), _ROWS_AT_ONCE):
        block = points[start : start + _ROWS_AT_ONCE]
        if hasattr(block, "reshape"):
            block = block.reshape(len(block), -1)
        yield block.tolist() if hasattr(block, "tolist") else list(block)


def _denominator(block: list[Any]) -> int:
    """The least common denominator of the numbers in a block of rows."""
    if all(type(value) is int for row in block for value in _flat(row)):
        return 1
    return math.lcm(*(_rational(value).denominator for row in block for value in _flat(row)))


def _integer_rows(points: Any) -> tuple[list[list[int]], int]:
    rows = [_flat(row) for block in _blocks(points) for row in block]
    denominator = _denominator(rows)
    return [[int(_rational(value) * denominator) for value in row] for row in rows], denominator


def _flat(row: Any) -> list[Any]:
    return list(row) if isinstance(row, list | tuple) else [row]


def _rational(value: Any) -> Fraction:
    return value if isinstance(value, Fraction) else Fraction(*value.as_integer_ratio())


def _fraction(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator, 0), int(denominator or "1", 0))


def _plain(value: Fraction) -> str:
    """Numerator and denominator, in hexadecimal: Python refuses to write long integers in decimal."""
    return f"{value.numerator:#x} {value.denominator:#x}"


def _coq(value: Fraction) -> str:
    return f"Fraction ({value.numerator})%Z {value.denominator}%positive"

"""Certificates: an interpolating network as data that anybody can check.

A certificate is a JSON document: every weight of a `RationalNetwork` as an integer or a quotient, its depth, how many
weights it claims to have, and a digest of all that. `certificate_checker` reads it and holds it against a sample; it
shares no code with the construction.
"""

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from theory.common.atomic import replacing
from theory.expressivity.exact import RationalNetwork

FORMAT = "relu-interpolation-1"

_DECIMAL_BITS = 10_000  # Python refuses to convert decimals of more than 4,300 digits


def certificate(network: RationalNetwork) -> dict[str, Any]:
    """The network as a document of strings and lists, with its digest."""
    content = {
        "format": FORMAT,
        "depth": network.depth,
        "num_weights": network.num_weights,
        "direction": _strings(network.direction),
        "layers": [
            {"biases": _strings(layer.biases), "weights": [_strings(column) for column in layer.weights]}
            for layer in network.layers
        ],
        "origin": _text(network.origin),
        "offsets": _strings(network.offsets),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "sha256": hashlib.sha256(canonical.encode()).hexdigest()}


def save_certificate(network: RationalNetwork, path: str | Path) -> None:
    """Write the network's certificate to a file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(certificate(network), indent=0) + "\n", encoding="utf-8")


def _strings(values: tuple[Fraction, ...]) -> list[str]:
    return [_text(value) for value in values]


def _text(value: Fraction) -> str:
    """An integer or a quotient; hexadecimal where it is too long for Python to read in decimal."""
    numerator, denominator = (
        str(part) if part.bit_length() < _DECIMAL_BITS else hex(part) for part in value.as_integer_ratio()
    )
    return numerator if denominator == "1" else f"{numerator}/{denominator}"

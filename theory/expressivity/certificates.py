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

from theory.expressivity.exact import RationalNetwork

FORMAT = "relu-interpolation-1"


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
        "origin": str(network.origin),
        "offsets": _strings(network.offsets),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "sha256": hashlib.sha256(canonical.encode()).hexdigest()}


def save_certificate(network: RationalNetwork, path: str | Path) -> None:
    """Write the network's certificate to a file, whole or not at all."""
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(certificate(network), indent=0) + "\n")
    partial.replace(path)


def _strings(values: tuple[Fraction, ...]) -> list[str]:
    return [str(value) for value in values]

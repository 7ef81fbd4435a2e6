"""The command line that `theory.expressivity.curves` and its kin share: measure, and write one record of JSON."""

import json
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import tyro

from theory.common.atomic import replacing


@dataclass(frozen=True)
class Options:
    """The path of the record, and the seed of its contents."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="[OUT.json]")]
    """The file to write; figures look for it, under the name of the default, in their directory of records."""

    seed: int = 0
    """Seed of every random choice."""


def main(
    topic: str,
    parts: Callable[[int], Mapping[str, Any]],
    packages: Sequence[str],
    arguments: Sequence[str] | None,
) -> int:
    """Run the command line of `theory.TOPIC.curves`; returns the exit status.

    Arguments:
        topic: name of the subpackage, and of the record: runs/TOPIC.json by default.
        parts: what the record holds for a seed, by name: plain lists, dictionaries, strings and finite numbers.
        packages: the distributions whose versions the record states.
        arguments: those of the command line; sys.argv's if None.
    """
    module = f"theory.{topic}.curves"
    options = tyro.cli(
        Options,
        prog=f"python -m {module}",
        description="Measure what the figures show; `python -m figures` draws them.",
        default=Options(Path(f"runs/{topic}.json")),
        args=arguments,
    )
    if options.seed < 0:
        print(f"error: --seed takes a non-negative integer, got {options.seed}", file=sys.stderr)
        return 2
    start = time.perf_counter()
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        about = {
            "what": f"data of the figures, by python -m {module}",
            "seed": options.seed,
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in packages},
        }
        record = {"about": about, **parts(options.seed)}
        with replacing(options.out) as temporary:
            temporary.write_text(json.dumps(record, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"written: {options.out} ({time.perf_counter() - start:.0f} s); python -m figures {options.out.parent} draws it"
    )
    return 0

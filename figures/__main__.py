"""Redraw every figure and the report page from records alone: `python -m figures RECORDS`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from theory.common.plain_text import visible
from theory.common.terminal import prepare_output


@dataclass(frozen=True)
class Options:
    """Redraw every figure and the report page from the records of earlier runs."""

    records: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="[RECORDS]")] = Path("runs")
    """Directory of the records, or a directory of such directories, which one page then shows together."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The folder of `figures/` and `report.html`; beside the records by default."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = tyro.cli(Options, prog="python -m figures", args=arguments)
    from figures.draw import draw_all  # with all that draws: the help needs none of it

    try:
        outputs = draw_all(options.records, options.out or options.records)
    except (ValueError, OSError) as error:
        print(f"error: {visible(str(error))}", file=sys.stderr)
        return 2
    print(*outputs, sep="   ")
    return 0


def program() -> int:
    """The console script; returns the exit status."""
    prepare_output()
    return main()


if __name__ == "__main__":
    sys.exit(program())

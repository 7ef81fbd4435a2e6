"""Redraw committed figures from their records: `python -m figures.redraw [FOLDER ...]`.

Each FOLDER of records in results/ gets its own figures again, every folder if none is named; a picture of figures/
that is no longer drawn is removed. results/claims.json is written anew. What git ignores beside them (SVG files and
pages) is removed at the end. Run it after a change of records or of figures: with the folders whose records changed, or
with none after a change of the drawing. A test holds the pictures against the records.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from empirical.claims.verdicts import claim_verdicts, subjects, write_verdicts
from figures.__main__ import main
from figures.draw import all_runs, record_folders, theory_findings_of

RESULTS = Path(__file__).parents[1] / "results"


def redraw(directory: Path) -> list[Path]:
    """Draw the figures of one directory of records anew; returns the PNG files."""
    figures = directory / "figures"
    before = set(figures.glob("*.png"))
    if main([str(directory)]) != 0:
        raise ValueError(f"{directory}: the figures could not be drawn")
    drawn = {path.with_suffix(".png") for path in figures.glob("*.svg")}
    for stale in before - drawn:
        stale.unlink()
    for extra in (*figures.glob("*.svg"), figures / ".manifest.json", directory / "report.html"):
        extra.unlink(missing_ok=True)
    if directory.name != "theory":
        (directory / "claims.json").unlink(missing_ok=True)
    if figures.is_dir() and not any(figures.iterdir()):
        figures.rmdir()
    return sorted(drawn)


def drawn_directories(results: Path) -> list[Path]:
    """The directories of records below `results` that figures are drawn of."""
    return [folder for folder in record_folders(results) if folder not in (results, results / "certificate")]


def program(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser("python -m figures.redraw", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="folders of records, or all in results/"
    )
    folders: list[Path] = parser.parse_args(arguments).folders
    results = folders[0].parent if folders else RESULTS
    folders_of_records = drawn_directories(results)
    for folder in folders:
        if folder not in folders_of_records:
            there = ", ".join(map(str, folders_of_records))
            print(f"error: {folder}: not a folder of records; there are {there}", file=sys.stderr)
            return 2
    for directory in folders or folders_of_records:
        pictures = redraw(directory)
        print(f"{directory}: {len(pictures)} figures", flush=True)
    verdicts = claim_verdicts(subjects(all_runs(record_folders(results))), theory_findings_of(results))
    write_verdicts(verdicts, results / "claims.json")
    return 0


if __name__ == "__main__":
    sys.exit(program())

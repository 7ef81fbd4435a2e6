"""Pack the finished runs of a directory into one file: `python -m empirical.run pack DIR`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from empirical.runs.config import hash_in
from empirical.runs.packed import read_packed, write_packed
from empirical.runs.records import BusyError, RunDirectory, read_record, runs_in_directories


@dataclass(frozen=True)
class PackOptions:
    """Pack the finished runs of a directory into one compressed file, records.jsonl.gz, for publication.

    Readers of the directory see the same runs, and a command with this --out counts packed runs as finished.
    Weights are not packed: keep the directories of runs whose checkpoint you need.
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """Directory of the records. Runs that are packed there stay packed."""

    remove: bool = False
    """Remove the directories of finished runs, checkpoints included, once they are packed."""


def pack_command(arguments: list[str]) -> int:
    """Carry out `pack`; returns the exit status. Raises as `pack` does."""
    options = tyro.cli(
        PackOptions, prog="python -m empirical.run pack", args=arguments, config=(tyro.conf.FlagCreatePairsOff,)
    )
    path, packed, directories = pack(options.folder, remove=options.remove)
    print(f"{packed} runs are packed in {path}, {directories} of them from directories of their own")
    if directories and not options.remove:
        print("the directories are still there: --remove removes them, with their checkpoints")
    return 0


def pack(root: Path, *, remove: bool = False) -> tuple[Path, int, int]:
    """Pack the finished runs under `root` together with those that are packed there; a run's directory takes
    precedence.

    Arguments:
        root: the directory of records; runs that are not finished stay as they are.
        remove: remove the directories of the packed runs once the file is on the disk and has been read back; that of
            a run that another process is at work on stays.

    Returns the file, the number of its runs, and how many were directories. Raises FileNotFoundError if there is no
    such directory, ValueError if it has no finished run, or one that cannot be read; nothing is changed then.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"no directory of records at {root.absolute()}")
    runs = runs_in_directories(root)
    paths = [run.path for run in runs]
    # A run that is being made anew has no summary: its packed record is kept until it has one.
    replaced = {hash_in(path.name) for path in paths}
    kept = {name: record for name, record in read_packed(root).items() if hash_in(name) not in replaced}
    records = kept | {path.name: read_record(path) for path in paths}
    if not records:
        raise ValueError(f"no finished run under {root.absolute()}: there is nothing to pack")
    file = write_packed(root, records)
    if read_packed(root) != records:
        raise ValueError(f"{file.absolute()} does not read as it was written: the directories are kept")
    if remove:
        for run in runs:
            try:
                RunDirectory(root, run.config, run.path).remove_finished()
            except BusyError:
                print(f"{run.path} is kept: another process is at work on it", file=sys.stderr)
    return file, len(records), len(paths)

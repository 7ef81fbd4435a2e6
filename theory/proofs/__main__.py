"""Check the proofs: `python -m theory.proofs`."""

import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from theory.common.terminal import prepare_output
from theory.proofs.compilation import CLOSED, ProofError, assumptions, compile_file, missing, version
from theory.proofs.record import Record, checked_proof, digest, files, read_record, write_record
from theory.proofs.theorems import THEOREMS


@dataclass(frozen=True)
class Options:
    """Compile the proofs of the paper's theorems with Coq, and print what each main theorem rests on.

    Exit status 0 only if Coq accepts every file, every theorem rests on no assumption, and the record
    (theory/proofs/checked.json) is of these very files. Where Coq is not installed, only the record is held against
    the files.
    """

    record: bool = False
    """Write the record of what was checked, after the proofs or the list of theorems have changed."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = tyro.cli(Options, prog="python -m theory.proofs", args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    reason = missing()
    if reason is None:
        try:
            return _compile(options)
        except ProofError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    if options.record:
        print(f"error: --record needs Coq to check the proofs first. {reason}", file=sys.stderr)
        return 2
    print(f"{reason}; the record of an earlier check is held against the files instead")
    return _report_record()


def _compile(options: Options) -> int:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as build:
        for file in files():
            print(f"{file}.v  {compile_file(file, Path(build)):.1f} s", flush=True)
        rests_on = assumptions(Path(build))
    print()
    for theorem, answer in rests_on.items():
        print(f"{theorem.file}.{theorem.name}: {answer}")
    closed = all(answer == CLOSED for answer in rests_on.values())
    processor = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = f"{time.perf_counter() - start:.0f} s, {processor.ru_utime + processor.ru_stime:.0f} s of processor time"
    print(f"\n{len(rests_on)} theorems, Coq {version()}, {seconds}")
    if not closed:
        print("error: a theorem rests on an assumption", file=sys.stderr)
        return 1
    record = Record(
        version(),
        {file: digest(file) for file in files()},
        {file: [t.name for t in THEOREMS if t.file == file] for file in dict.fromkeys(t.file for t in THEOREMS)},
    )
    if options.record:
        write_record(record)
    recorded = read_record()
    if recorded is None or (recorded.sources, recorded.theorems) != (record.sources, record.theorems):
        print("error: checked.json is not of these files; write it with --record", file=sys.stderr)
        return 1
    return 0


def _report_record() -> int:
    standings = [checked_proof(theorem.proof) for theorem in THEOREMS]
    for theorem, standing in zip(THEOREMS, standings, strict=True):
        print(standing or f"NOT CHECKED as it is now: {theorem.name} in {theorem.file}.v")
    return 0 if all(standings) else 1


if __name__ == "__main__":
    prepare_output()
    sys.exit(main())

"""The record of what Coq has checked: checked.json, the digest of every source and the names of the theorems.

A theorem counts as proved only while its file, and every file that it builds on, are the ones that were checked: an
edited file is never called proved.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from theory.claims import Proof
from theory.common.atomic import replacing

SOURCES = Path(__file__).parent
_RECORD = "checked.json"
_REQUIRE = re.compile(r"^From Rethinking Require Import ([\w ]+)\.", re.MULTILINE)


@dataclass(frozen=True)
class Record:
    """What was checked.

    Attributes:
        coq: the version that checked it.
        sources: SHA-256 of each file, by its name without ".v".
        theorems: names of the theorems found to rest on no assumption, by file.
    """

    coq: str
    sources: dict[str, str]
    theorems: dict[str, list[str]]


def files(folder: Path = SOURCES) -> list[str]:
    """The Coq files in an order in which they compile, without ".v"."""
    ordered: list[str] = []
    for path in sorted(folder.glob("*.v")):
        ordered += [name for name in requirements(path.stem, folder) if name not in ordered]
    return ordered


def requirements(file: str, folder: Path = SOURCES) -> list[str]:
    """The files that a file builds on, and last itself."""
    files: list[str] = []
    for names in _REQUIRE.findall((folder / f"{file}.v").read_text(encoding="utf-8")):
        for name in names.split():
            files += [other for other in requirements(name, folder) if other not in files]
    return [*files, file]


def digest(file: str, folder: Path = SOURCES) -> str:
    """SHA-256 of a Coq file."""
    return hashlib.sha256((folder / f"{file}.v").read_bytes()).hexdigest()


def read_record(folder: Path = SOURCES) -> Record | None:
    """The record in the folder; None if there is none."""
    path = folder / _RECORD
    return Record(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def write_record(record: Record, folder: Path = SOURCES) -> None:
    """Write the record, whole or not at all."""
    with replacing(folder / _RECORD) as temporary:
        temporary.write_text(json.dumps(record.__dict__, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def checked_proof(proof: Proof | None, folder: Path = SOURCES) -> str | None:
    """The proof in words, "proved, machine-checked: ..."; None unless Coq has checked the files as they are now.

    Nothing is compiled here: the record is compared with the sources, so this takes microseconds and no Coq.
    """
    record = read_record(folder)
    file = Path(proof.file).stem if proof else ""
    if proof is None or record is None or proof.theorem not in record.theorems.get(file, ()):
        return None
    try:
        if any(digest(name, folder) != record.sources.get(name) for name in requirements(file, folder)):
            return None
    except FileNotFoundError:
        return None
    checked = f"Coq {record.coq}, source {record.sources[file][:12]}"
    return f"proved, machine-checked: {proof.theorem} in {proof.file} ({checked})"

"""Finished runs packed into one file, for publication: `records.jsonl.gz` in place of a directory for each run.

The file is JSON, a line for each run in order of their directories' names, compressed by gzip. A line holds the content
of the run's directory (`records`), number for number, except the checkpoint:

    {"run": name of the directory, "config": config.json, "epochs": [lines of metrics.jsonl], "summary": summary.json}

The same runs give the same bytes wherever zlib is the same: gzip's header has neither a time nor a name.
"""

import gzip
import json
import os
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from empirical.runs.json_files import parse_json
from theory.common.atomic import replacing

PACKED = "records.jsonl.gz"

_LARGEST = 2**30  # bytes of all records, unpacked
_PIECE = 2**20

Record = dict[str, Any]
"""The record of a run as JSON: `config`, `epochs` and `summary`."""


def read_packed(root: Path) -> dict[str, Record]:
    """The packed runs of a directory by name; none without a packed file. Raises ValueError for a damaged file."""
    return {name: packed_record(root, name) for name in packed_names(root)}


def packed_names(root: Path) -> list[str]:
    """The names of the packed runs of a directory; raises as `read_packed` does."""
    return list(_current_lines(root))


def packed_record(root: Path, name: str) -> Record:
    """The packed run with this name; raises KeyError if there is none."""
    content: Record = parse_json(_current_lines(root)[name])
    del content["run"]
    return content


def write_packed(root: Path, records: Mapping[str, Record]) -> Path:
    """Replace the packed file of a directory, whole or not at all, by these runs by name; returns its path."""
    lines = [json.dumps({"run": name, **records[name]}, separators=(",", ":")) + "\n" for name in sorted(records)]
    with replacing(root / PACKED) as temporary, open(temporary, "wb") as file:
        file.write(gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0))
        file.flush()
        os.fsync(file.fileno())  # whoever packs may remove the directories next
    return root / PACKED


def _current_lines(root: Path) -> Mapping[str, str]:
    path = root / PACKED
    try:
        status = path.stat()
    except FileNotFoundError:
        return {}
    return _lines(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)  # a command asks for each of its runs whether it is here
def _lines(path: Path, _modified: int, _size: int) -> Mapping[str, str]:
    try:
        return {parse_json(line)["run"]: line for line in _decompressed(path).decode().splitlines()}
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path.absolute()} is damaged ({error}): get it anew, or remove it, and what made its runs makes them anew"
        ) from error


def _decompressed(path: Path) -> bytes:
    content = bytearray()
    with gzip.open(path) as file:
        while piece := file.read(_PIECE):  # to ask for all that is allowed at once is to take that much memory
            content += piece
            if len(content) > _LARGEST:
                raise ValueError(f"it unpacks to more than {_LARGEST:,} bytes")
    return bytes(content)

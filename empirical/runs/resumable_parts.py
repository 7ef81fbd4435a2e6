"""A long measurement in parts, each of which is kept once it is done: a kill loses only the part at work."""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from empirical.runs.json_files import read_json
from theory.common.atomic import replacing


class Parts:
    """Finished parts in a directory, a JSON file each; floats come back to the bit.

    Arguments:
        directory: where the parts are kept; it is made if it is missing.
        report: called with a part's name and the share of the whole that is done before it.
        total: the number of parts that will be asked for.
    """

    def __init__(self, directory: Path, report: Callable[[str, float], None], total: int = 1):
        self.directory, self.total = directory, total
        self._report, self._asked = report, 0
        directory.mkdir(parents=True, exist_ok=True)

    def __call__(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returns, now or before an interruption: numbers, strings, lists, mappings.

        Raises ValueError for values that JSON cannot hold, such as NaN and infinity.
        """
        self._report(name, min(self._asked / self.total, 1.0))
        self._asked += 1
        path = self._path(name)
        if path.exists():
            try:
                return _value(path)
            except (ValueError, KeyError, TypeError) as error:
                print(f"{path} is damaged ({error}): {name} is measured again", file=sys.stderr)
        value = json.dumps(compute(), allow_nan=False)
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "value": value, "sha256": _digest(value)}))
            file.flush()
            os.fsync(file.fileno())
        return json.loads(value)

    def forget(self, name: str) -> None:
        """Have a part computed anew when it is asked for again."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.directory / (hashlib.sha256(name.encode()).hexdigest()[:16] + ".json")


def _value(path: Path) -> Any:
    """Read the value in a part's file. Raises ValueError, KeyError or TypeError if the file is not as it was
    written."""
    content = read_json(path)
    if content["sha256"] != _digest(content["value"]):
        raise ValueError("its digest does not hold")
    return json.loads(content["value"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

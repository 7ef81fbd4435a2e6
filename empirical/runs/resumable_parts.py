"""A long measurement in parts, each kept once it is done: a kill loses the part at work and nothing else."""

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
        directory: made if it is not there.
        report: told a part's name and the share of the whole that is done before it.
        total: number of parts that will be asked for.
    """

    def __init__(self, directory: Path, report: Callable[[str, float], None], total: int = 1):
        self.directory, self.total = directory, total
        self._report, self._asked = report, 0
        directory.mkdir(parents=True, exist_ok=True)

    def __call__(self, name: str, compute: Callable[[], Any]) -> Any:
        """What `compute` returned, now or before an interruption: numbers, strings, lists, mappings.

        Raises ValueError for what JSON cannot hold, NaN and infinity among it.
        """
        self._report(name, min(self._asked / self.total, 1.0))
        self._asked += 1
        path = self.directory / (hashlib.sha256(name.encode()).hexdigest()[:16] + ".json")
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


def _value(path: Path) -> Any:
    """The value in a part's file. Raises ValueError, KeyError or TypeError if it is not what was written there."""
    content = read_json(path)
    if content["sha256"] != _digest(content["value"]):
        raise ValueError("its digest does not hold")
    return json.loads(content["value"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

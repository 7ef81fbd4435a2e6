"""A long measurement in parts, each of which is kept once it is done: a kill loses only the part at work.

A part that takes long keeps its state on the way (`PartState`): then a kill loses seconds of it.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from empirical.runs.checkpoint_interval import checkpoint_interval
from empirical.runs.json_files import read_json
from theory.common.atomic import replacing
from theory.common.tensor_files import load_tensors, save_tensors


class PartState:
    """What a part at work goes on from after a kill: a file that is replaced on the way, and gone with the part's end.

    Arguments:
        path: the file.
        report: called with the share of the part that is done, before anything is written.
    """

    def __init__(self, path: Path, report: Callable[[float], None]):
        self._path, self._report = path, report
        self._written, self._interval = time.monotonic(), checkpoint_interval(0.0)

    def load(self) -> dict[str, Any] | None:
        """The state that was written last, tensors on the CPU; None if there is none, or none that can be read."""
        try:
            return load_tensors(self._path)
        except FileNotFoundError:
            return None
        except ValueError as error:
            print(f"{error}: this part of the measurement begins again", file=sys.stderr)
            return None

    def offer(self, share: float, content: Callable[[], dict[str, Any]]) -> None:
        """Write the tensors, numbers and strings that `content` returns, if it is time to; `share` of the part is
        done."""
        begun = time.monotonic()
        if begun - self._written < self._interval:
            return
        self._report(share)
        save_tensors(self._path, content())
        self._written = time.monotonic()
        self._interval = checkpoint_interval(self._written - begun)


class Parts:
    """Finished parts in a directory, a JSON file each; floats come back to the bit.

    Arguments:
        directory: where the parts are kept; it is made if it is missing.
        report: called with a part's name and the share of the whole that is done, before anything is written.
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
        share = min(self._asked / self.total, 1.0)
        self._report(name, share)
        self._asked += 1
        path = self._path(name)
        if path.exists():
            try:
                return _value(path, name)
            except (ValueError, KeyError, TypeError) as error:
                print(f"{path} is damaged ({error}): {name} is measured again", file=sys.stderr)
        value = json.dumps(compute(), allow_nan=False)
        self._report(name, share)  # again, hours later: the directory may be another process's now
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "value": value, "sha256": _digest(value)}))
            file.flush()
            os.fsync(file.fileno())
        return json.loads(value)

    def in_steps(self, name: str, compute: Callable[[PartState], Any]) -> Any:
        """Return what `compute` returns, for a part that may take long: `compute` keeps its state on the way."""
        before = self._asked

        def report(share: float) -> None:
            self._report(name, min((before + share) / self.total, 1.0))

        state = PartState(self._state_path(name), report)
        value = self(name, partial(compute, state))
        self._state_path(name).unlink(missing_ok=True)
        return value

    def forget(self, name: str) -> None:
        """Have a part computed anew, from its beginning, when it is asked for again."""
        for path in (self._path(name), self._state_path(name)):
            path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.directory / (hashlib.sha256(name.encode()).hexdigest()[:16] + ".json")

    def _state_path(self, name: str) -> Path:
        return self._path(name).with_suffix(".pt")


def _value(path: Path, name: str) -> Any:
    """Read the value in a part's file. Raises ValueError, KeyError or TypeError if it is another part's, or not as it
    was written."""
    content = read_json(path)
    if content["name"] != name:
        raise ValueError(f"it is the part {content['name']!r}")
    if content["sha256"] != _digest(content["value"]):
        raise ValueError("its digest does not hold")
    return json.loads(content["value"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

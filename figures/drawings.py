"""Figures that are drawn only if they would change, and several at a time.

A manifest beside the figures has a digest of what each is made from: the results, the function that draws them, the
source of these packages, and matplotlib's version. A figure whose digest is the same, and whose files are there, stays.
"""

import hashlib
import json
import multiprocessing
import os
import pickle
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from empirical.report.freshness import code_digest
from theory.common.atomic import replacing

Draw = Callable[[Any, Path], None]
"""Draw results to a path without suffix: writes its .svg and .png."""

Tell = Callable[[str, float], None]
"""Receive the name of a stage, and the share of it that is done."""

_WORTH_A_PROCESS = 4  # figures: a process takes as long to begin as one of them to draw


class Drawings:
    """Draws figures of a directory; a context manager, at whose end all of them are drawn.

    Arguments:
        directory: the folder of the figures.
        tell: is called after each figure that is drawn.

    Attributes:
        drawn: paths, without suffix, of what had to be drawn.
    """

    def __init__(self, directory: Path, tell: Tell = lambda stage, share: None):
        self._directory, self._manifest, self._tell = directory, directory / ".manifest.json", tell
        self._code = code_digest()
        self._before: dict[str, str] = {}
        with suppress(OSError, ValueError, TypeError, RecursionError):  # none is there, or none that can be read
            self._before = dict(json.loads(self._manifest.read_text(encoding="utf-8")))
        self._digests: dict[str, str] = {}
        self._asked: list[tuple[bytes, Path]] = []
        self.drawn: list[Path] = []

    def add(self, draw: Draw, results: Any, path: Path) -> None:
        """Draw a figure, unless it is up to date."""
        task = pickle.dumps((draw, results))
        digest = hashlib.sha256(self._code.encode() + task).hexdigest()
        self._digests[path.name] = digest
        there = all(path.with_name(path.name + suffix).is_file() for suffix in (".svg", ".png"))
        if self._before.get(path.name) != digest or not there:
            self._asked.append((task, path))
            self.drawn.append(path)

    def __enter__(self) -> "Drawings":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            return
        self._show(0)
        processes = min(os.cpu_count() or 1, len(self._asked) // _WORTH_A_PROCESS)
        if processes > 1 and sys.platform == "linux":
            self._draw_in(processes)
        else:
            for done, (task, path) in enumerate(self._asked, 1):
                _draw(task, path)
                self._show(done)
        self._directory.mkdir(parents=True, exist_ok=True)
        with replacing(self._manifest) as temporary:
            temporary.write_text(json.dumps(self._digests, indent=1) + "\n", encoding="utf-8")

    def _draw_in(self, processes: int) -> None:
        with warnings.catch_warnings():
            # Forked with matplotlib imported. NumPy's threads, of which Python warns, are idle, and survive a fork.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
                futures: list[Future[None]] = [pool.submit(_draw, task, path) for task, path in self._asked]
                for done, _ in enumerate(as_completed(futures), 1):
                    self._show(done)
                for future in futures:  # the first figure's error, whichever failed first
                    future.result()

    def _show(self, done: int) -> None:
        if self._asked:
            self._tell(f"drawing {len(self._asked)} of {len(self._digests)},", done / len(self._asked))


def _draw(task: bytes, path: Path) -> None:
    draw, results = pickle.loads(task)
    draw(results, path)

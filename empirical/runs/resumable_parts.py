"""A long measurement in parts, each kept once it is done: a kill loses the part at work and nothing else."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
            return json.loads(path.read_text())["value"]
        content = json.dumps({"name": name, "value": compute()}, allow_nan=False)
        with replacing(path) as temporary:
            temporary.write_text(content)
        return json.loads(content)["value"]

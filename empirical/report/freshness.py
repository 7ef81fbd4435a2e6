"""Whether figures and page are up to date: they are made anew only if the records or the code that they are made from
have changed.

A stamp beside the records holds a digest of all that goes into the report, and digests of the files that came out of
it. Nothing is redrawn as long as both are what they were.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from empirical.report.theory_findings import source_digest
from empirical.runs.packed import PACKED
from theory.common.atomic import replacing

_PACKAGES = ("matplotlib", "numpy", "scipy", "jinja2")
_SOURCES = ("theory", "empirical", "figures")
_PARTS = ("config.json", "metrics.jsonl", "summary.json")  # the files of a run from which figures and page are made
_PAGE = "report.html"
_NO_RECORDS = ("claims.json", ".report.json", "figures", "launcher", ".cache")


class Report:
    """Figures and page of a directory of records.

    Attributes:
        out: the directory.
        digest: the digest of records and theory's findings, of the source that draws, and of the packages' versions.
    """

    def __init__(self, out: Path):
        self.out, self._stamp = out, out / ".report.json"
        folders = [out, *sorted(path for path in out.glob("*/") if path.name not in _NO_RECORDS)]
        curves = [path for folder in folders for path in folder.glob("*.json") if path.name not in _NO_RECORDS]
        runs = [path.parent / name for folder in folders for path in folder.glob("*/summary.json") for name in _PARTS]
        packed = [folder / PACKED for folder in folders]
        records = source_digest(_there([*curves, *runs, *packed]), out, ())
        self.digest = f"{records} {code_digest()}"

    @property
    def fresh(self) -> bool:
        """Whether every file that was made from this digest is still there."""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
            return stamp["digest"] == self.digest and stamp["files"] == self._files() and _PAGE in stamp["files"]
        return False

    def stamp(self) -> None:
        """Note that the present files have been made from this digest."""
        with replacing(self._stamp) as temporary:
            temporary.write_text(
                json.dumps({"digest": self.digest, "files": self._files()}, indent=1) + "\n", encoding="utf-8"
            )

    def _files(self) -> dict[str, str]:
        files = _there([*(self.out / "figures").glob("*.*"), self.out / _PAGE, self.out / "claims.json"])
        return {str(path.relative_to(self.out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def code_digest() -> str:
    """SHA-256 of the source of these packages, and of the versions of those that they draw and count with."""
    digests = [source_digest([], Path(), _PACKAGES), *map(_digest_of_package, _SOURCES)]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _digest_of_package(name: str) -> str:
    spec = find_spec(name)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    return " ".join(
        source_digest(sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".jinja")), folder, ())
        for folder in folders
    )


def _there(files: Iterable[Path]) -> list[Path]:
    return sorted({path for path in files if path.is_file()})

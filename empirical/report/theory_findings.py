"""The findings of `python -m theory`, kept for each version of the theory: checking the claims takes longer than many a
report.

A check is a function of its seed, of the theory's source and of the numeric packages: while these are the same, no
check is repeated. Findings are kept in the user's cache directory or, where that cannot be written, with the records.
Only a theory that holds is kept: what fails, for whatever reason, is checked anew.
"""

import hashlib
import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import theory
from theory.claims import Finding, Verdict, read_findings, run_check, write_findings

_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "cvxpy", "clarabel", "python-flint")


def theory_findings(seed: int, records: Path) -> list[Finding]:
    """Every claim of the theory, checked on the seed's instance now or, by the same code, before.

    Arguments:
        seed: the seed of the random instances.
        records: directory in which findings are kept if there is no cache directory.
    """
    name = f"theory-{theory_digest()[:16]}-seed-{seed}.json"
    folders = cache_directory(), records / ".cache"
    for folder in folders:
        with suppress(OSError, ValueError, KeyError, TypeError):  # none is kept there, or none that can be read
            return read_findings(folder / name)
    from theory.checks import CLAIMS

    findings = [run_check(checked, seed) for checked in CLAIMS]
    if all(finding.evidence.verdict is Verdict.HOLDS for finding in findings):
        for folder in folders:
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                write_findings(findings, folder / name)
                break
    return findings


def theory_digest() -> str:
    """SHA-256 of the theory's source and of the versions that its checks compute with."""
    folder = Path(theory.__file__).parent
    return source_digest(sorted(folder.rglob("*.py")), folder, _PACKAGES)


def source_digest(files: Iterable[Path], folder: Path, packages: Iterable[str]) -> str:
    """SHA-256 of files, by their names below `folder`, of Python, the machine's kind and packages' versions."""
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()} {platform.system()}".encode())
    for package in packages:
        with suppress(metadata.PackageNotFoundError):
            digest.update(f"\n{package} {metadata.version(package)}".encode())
    for file in files:
        digest.update(f"\n{file.relative_to(folder).as_posix()} ".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def cache_directory() -> Path:
    """The folder where this user's programs keep what they can compute again (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()
    return folder / "rethinking-generalization"

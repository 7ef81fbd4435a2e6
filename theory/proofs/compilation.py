"""Running Coq on the proofs, in a temporary folder: nothing is left among the sources.

After compilation Coq is asked for each main theorem what it rests on (`Print Assumptions`). Only the answer "Closed
under the global context" will do: no axiom, no admitted lemma, no switched-off check anywhere below it.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from theory.proofs.record import SOURCES, files
from theory.proofs.theorems import THEOREMS, Theorem

CLOSED = "Closed under the global context"
PACKAGES = "coq libcoq-mathcomp-ssreflect libcoq-mathcomp-algebra libcoq-mathcomp-zify libcoq-mathcomp-algebra-tactics"


class ProofError(Exception):
    """Raised where Coq does not accept a file, or a theorem rests on an assumption."""


def missing() -> str | None:
    """Why the proofs cannot be compiled here, in words; None if they can."""
    if shutil.which("coqc") is None:
        return f"Coq is not installed (Debian: apt-get install {PACKAGES})"
    where = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=True).stdout.strip()
    libraries = [Path(where, "user-contrib", "mathcomp", name) for name in ("algebra", "zify", "algebra_tactics")]
    lacking = [path.name for path in libraries if not path.is_dir()]
    return f"Coq lacks mathcomp's {', '.join(lacking)} (Debian: apt-get install {PACKAGES})" if lacking else None


def version() -> str:
    """Coq's version."""
    return subprocess.run(["coqc", "-print-version"], capture_output=True, text=True, check=True).stdout.split()[0]


@contextmanager
def compiled(names: Sequence[str] | None = None, folder: Path = SOURCES) -> Iterator[Path]:
    """A temporary folder with the compiled files of the names given (all by default), in an order that works.

    Raises ProofError where Coq does not accept one, with what it says.
    """
    with tempfile.TemporaryDirectory() as temporary:
        build = Path(temporary)
        for name in files(folder) if names is None else names:
            compile_file(name, build, folder)
        yield build


def compile_file(name: str, build: Path, folder: Path = SOURCES) -> float:
    """Compile one file into `build`, where those it builds on are; returns the seconds it took."""
    start = time.perf_counter()
    shutil.copyfile(folder / f"{name}.v", build / f"{name}.v")
    run_coq(build / f"{name}.v")
    return time.perf_counter() - start


def run_coq(path: Path) -> str:
    """Compile a file in its folder, among the compiled files it builds on; returns what Coq prints."""
    command = ["coqc", "-q", "-w", "none", "-Q", ".", "Rethinking", path.name]
    outcome = subprocess.run(command, cwd=path.parent, capture_output=True, text=True)
    if outcome.returncode:
        raise ProofError(f"Coq does not accept {path.name}: {outcome.stderr.strip()}")
    return outcome.stdout


def assumptions(build: Path, theorems: Iterable[Theorem] = THEOREMS) -> dict[Theorem, str]:
    """What each theorem rests on, in Coq's words."""
    theorems = list(theorems)
    required = sorted({theorem.file for theorem in theorems})
    lines = [f"From Rethinking Require {' '.join(required)}."]
    lines += [
        f'Redirect "theorem{index}" Print Assumptions {theorem.file}.{theorem.name}.'
        for index, theorem in enumerate(theorems)
    ]
    (build / "assumptions.v").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run_coq(build / "assumptions.v")
    answers = [(build / f"theorem{index}.out").read_text(encoding="utf-8") for index in range(len(theorems))]
    return {theorem: re.sub(r"\s+", " ", answer).strip() for theorem, answer in zip(theorems, answers, strict=True)}

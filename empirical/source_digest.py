"""The part of a user's code that belongs to a run's identity: the named module, and the user's modules that it imports.

Imports are read from the source text, those within functions included, and followed from module to module. Libraries
are not followed, nor is this project: their versions stand in a run's record. What code reads or imports by other
means, such as a file of weights or `importlib.import_module`, is not seen.
"""

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

SESSION = "python_session"
"""The module of objects that a Python session has given, see `empirical.session_code`; it has no file."""

_OURS = ("empirical", "theory", "figures")


def source_digest_of(module_name: str, *, libraries: bool = True) -> str:
    """SHA-256, in hexadecimal, of the source of an imported module and of the user's modules that it imports.

    The digest is that of the module's file alone where the module imports no other module of the user's; "" for a
    module without file, and without `libraries` for a module of a library.
    """
    named = _source(module_name)
    if named is None or not (libraries or _users_source(module_name)):
        return ""
    files: dict[str, Path] = {module_name: named}
    waiting = [] if _installed(named) else [module_name]
    while waiting:
        name = waiting.pop()
        for imported in _imported_names(name, files[name]):
            path = None if imported in files else _users_source(imported)
            if path is not None:
                files[imported] = path
                waiting.append(imported)
    content = named.read_bytes()
    digest = hashlib.sha256(content)
    helpers = sorted(set(files) - {module_name})
    for name in helpers:
        digest.update(f"\n{name} {len(content)}\n".encode())
        content = files[name].read_bytes()
        digest.update(content)
    return digest.hexdigest()


def _imported_names(name: str, path: Path) -> Iterator[str]:
    """The modules that a module may import: for `from a import b` both a and a.b, and the packages around them."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # a module that is imported only where it is never executed
        return
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            base = ".".join(filter(None, [base, node.module or ""])) if node.level else str(node.module)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for full in [*names, *([package] if package else [])]:
            parts = full.split(".")
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _users_source(name: str) -> Path | None:
    """The file of a user's module; None for other modules and for names that are no module."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top in _OURS:
        return None
    path = _source(name)
    return None if path is None or _installed(path) else path


def _source(name: str) -> Path | None:
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        spec = _spec(name)
        file = spec.origin if spec else None
    return Path(file) if file and Path(file).suffix == ".py" else None


def _spec(name: str) -> ModuleSpec | None:
    """The place where a module would be found; nothing is imported."""
    parent = name.rpartition(".")[0]
    try:
        if not parent:
            return importlib.util.find_spec(name)
        around = _spec(parent)
        return PathFinder.find_spec(name, around.submodule_search_locations) if around else None
    except (ImportError, ValueError, AttributeError):
        return None


def _installed(path: Path) -> bool:
    """Whether a file belongs to a library: it lies in Python's own folder, or where packages are installed."""
    standard = [Path(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib")]
    return bool({"site-packages", "dist-packages"} & set(path.parts)) or any(map(path.is_relative_to, standard))

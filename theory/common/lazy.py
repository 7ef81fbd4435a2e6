"""Names that a package offers and imports only when they are first asked for (PEP 562).

A command that prints its help needs no linear algebra. A package says what it offers by imports under `TYPE_CHECKING`,
which type checkers read as they are; `lazy_names` reads the same lines, so that there is one list.
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any


def lazy_names(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names are imported on first use; its submodules are, too.

    Arguments:
        package: `__name__` of the package.
        file: its `__file__`, the source with `if TYPE_CHECKING: from module import name`.
    """
    modules = {
        alias.name: statement.module
        for block in ast.parse(Path(file).read_text(encoding="utf-8")).body
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom) and statement.module
        for alias in statement.names
    }

    class Package(ModuleType):
        """An import of a submodule binds its name in the package; what is offered under the same name comes before."""

        def __setattr__(self, name: str, value: object) -> None:
            if not (name in modules and isinstance(value, ModuleType)):
                super().__setattr__(name, value)

    sys.modules[package].__class__ = Package

    def get(name: str) -> Any:
        if name in modules:
            value = getattr(import_module(modules[name]), name)
        elif not name.startswith("_") and find_spec(f"{package}.{name}"):
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted({*vars(sys.modules[package]), *modules})

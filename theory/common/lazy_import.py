"""Packages that few functions need, imported when the first of them runs."""

from importlib import import_module
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    """A stand-in for a module until one of its names is used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def lazy_import(name: str) -> Any:
    """The module called `name`. Raises ImportError at the first use, if there is none."""
    return _Lazy(name)

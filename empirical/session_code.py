"""Networks and optimisers that a Python session gives as objects, under an import path: what names a run is text.

A function of a module has the path `module:function`, and with it the identity that the command line gives it. What
exists in a session alone, such as a function in a notebook, has the path `python_session:name`. Its digest is of its
source text and of all that it refers to in the session: functions, classes, numbers, texts, arrays. Libraries count by
name.
"""

import copy
import functools
import hashlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from empirical.source_digest import SESSION, source_digest_of

_PLAIN = (int, float, complex, str, bytes, bool, type(None), type(...))
# Attributes of a class that say where it was written, or that Python fills in, not what the class is.
_PLACES = {"__module__", "__doc__", "__firstlineno__", "__static_attributes__", "__annotations_cache__"}
_PLACES |= {"__dict__", "__weakref__"}


def import_path_of(target: Any, argument: str) -> str:
    """The import path of a network or an optimiser: of a name the name itself.

    Arguments:
        target: a name, an import path, a factory, or for a network an instance: each run begins with a copy of it, at
            its weights, whatever the seed.
        argument: what a message calls it.

    Raises ValueError for what is none of these.
    """
    if isinstance(target, str):
        return target
    if isinstance(target, nn.Module):
        return _registered(lambda *_: copy.deepcopy(target), type(target).__name__, _digest(target))
    if not callable(target):
        raise ValueError(f"{argument}: a name or a factory to call is wanted, got a {type(target).__name__}")
    module = sys.modules.get(getattr(target, "__module__", None) or "")
    name = str(getattr(target, "__qualname__", argument)).rpartition(".")[2]
    in_file = getattr(module, "__file__", None) and module is not sys.modules.get("__main__")
    if module and in_file and getattr(module, name, None) is target:
        return f"{module.__name__}:{name}"
    return _registered(target, name if name.isidentifier() else argument, _digest(target))


def _registered(factory: Any, name: str, digest: str) -> str:
    """Put an object where Python's import system finds it; the newest object with a name counts."""
    module = sys.modules.setdefault(SESSION, ModuleType(SESSION, "Objects that this session gave."))
    setattr(module, name, factory)
    module.__dict__.setdefault("digests", {})[name] = digest
    return f"{SESSION}:{name}"


def _digest(value: Any) -> str:
    digest = hashlib.sha256()
    for part in _parts(value, {}):
        digest.update(b"%d " % len(part) + part)
    return digest.hexdigest()


def _parts(value: Any, seen: dict[int, tuple[int, Any]]) -> Iterator[bytes]:
    """Yield the pieces that tell a value from other values.

    Arguments:
        seen: the objects so far by their address, each with its number. They are kept alive, for an object that is gone
            may leave its address to another.
    """
    if isinstance(value, _PLAIN):
        yield f"{type(value).__name__} {value!r}".encode()
    elif id(value) in seen:
        yield f"again {seen[id(value)][0]}".encode()
    else:
        seen[id(value)] = len(seen), value
        yield f"{type(value).__module__}.{type(value).__qualname__}".encode()
        yield from _parts_of_object(value, seen)


def _parts_of_object(value: Any, seen: dict[int, tuple[int, Any]]) -> Iterator[bytes]:
    if isinstance(value, np.ndarray | torch.Tensor):
        array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
        yield f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    elif isinstance(value, tuple | list | set | frozenset | dict):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        yield f"{len(items)} items".encode()
        for item in items.items() if isinstance(items, dict) else items:
            yield from _parts(item, seen)
    elif isinstance(value, ModuleType):
        yield value.__name__.encode() + source_digest_of(value.__name__, libraries=False).encode()
    elif isinstance(value, functools.partial):
        yield from _parts((value.func, value.args, value.keywords), seen)
    elif isinstance(value, nn.Module):
        yield repr(value).encode()
        for module in value.modules():
            yield from _parts(type(module), seen)
            yield from _parts({name: own for name, own in vars(module).items() if not name.startswith("_")}, seen)
        yield from _parts(dict(value.state_dict()), seen)
        yield from _parts({name: parameter.requires_grad for name, parameter in value.named_parameters()}, seen)
    elif isinstance(value, FunctionType):
        yield from _parts_of_function(value, seen)
    elif isinstance(value, type) and _of_a_file(value) and "<locals>" not in value.__qualname__:
        yield f"{value.__module__}:{value.__qualname__}".encode()
        yield source_digest_of(value.__module__, libraries=False).encode()
    elif isinstance(value, type):
        yield value.__qualname__.encode()
        yield from _parts(value.__bases__, seen)
        for name, member in sorted(vars(value).items()):
            unasked = name == "__annotations__" and not member  # Python makes them when they are first asked for
            if name not in _PLACES and not unasked:
                yield name.encode()
                yield from _parts(member, seen)
    elif isinstance(value, property):
        yield from _parts((value.fget, value.fset, value.fdel), seen)
    elif isinstance(value, staticmethod | classmethod):
        yield from _parts(value.__func__, seen)
    elif isinstance(value, MethodType):
        yield from _parts((value.__func__, value.__self__), seen)
    elif isinstance(value, BuiltinFunctionType):
        yield f"{value.__module__}.{value.__qualname__}".encode()
    elif hasattr(value, "__dict__"):
        yield from _parts(type(value), seen)  # its class says what it does
        yield from _parts(vars(value), seen)
    elif " at 0x" not in repr(value):  # an address in memory is no part of the value
        yield repr(value).encode()


def _parts_of_function(function: FunctionType, seen: dict[int, tuple[int, Any]]) -> Iterator[bytes]:
    in_file = _of_a_file(function)
    own_file = source_digest_of(function.__module__, libraries=False) if in_file else ""
    yield f"{function.__module__ if in_file else ''}:{function.__qualname__} {own_file}".encode()
    if own_file or not in_file:
        try:
            source = inspect.getsource(function.__code__)  # the function's own text, not of one that it wraps
        except (OSError, TypeError):  # the text was executed and is gone
            source = ""
        yield source.encode()
        if not source or function.__name__ == "<lambda>":  # a lambda's text is its whole line, with others on it
            yield from _parts_of_code(function.__code__)
    yield from _parts((function.__defaults__, function.__kwdefaults__), seen)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name.encode()
        with suppress(ValueError):  # a cell that is empty yet
            yield from _parts(cell.cell_contents, seen)
    for name in [] if in_file else sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield name.encode()
            yield from _parts(function.__globals__[name], seen)


def _parts_of_code(code: CodeType) -> Iterator[bytes]:
    yield code.co_code + repr((code.co_names, code.co_varnames)).encode()
    for constant in code.co_consts:
        yield from _parts_of_code(constant) if isinstance(constant, CodeType) else _parts(constant, {})


def _names(code: CodeType) -> set[str]:
    """The names that a code object, and the code objects within it, look up."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _of_a_file(value: FunctionType | type) -> bool:
    """Whether a value is in the source of a module, or is Python's own."""
    module = sys.modules.get(value.__module__)
    if module is None or module.__name__ == "__main__":
        return False
    return bool(getattr(module, "__file__", None)) or getattr(module, value.__name__, None) is value

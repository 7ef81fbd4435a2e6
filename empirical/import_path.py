"""The user's own models and optimisers, named on the command line as `package.module:object`."""

import importlib
import sys
from pathlib import Path
from typing import Any

from empirical.source_digest import SESSION, source_digest_of


def import_object(path: str, argument: str) -> Any:
    """The callable at `package.module:object`; modules in the current directory are found too.

    Raises ValueError, naming the argument, if the module or the object is not there or cannot be called.
    """
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"{argument}: {path!r} is not of the form package.module:object")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{argument}: no module {error.name!r} (looking for {path!r})") from error
    except Exception as error:  # the user's own module may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{argument}: module {module_name!r} cannot be imported: {reason}") from error
    target = getattr(module, attribute, None)
    if target is None:
        raise ValueError(f"{argument}: module {module_name!r} has no {attribute!r}")
    if not callable(target):
        raise ValueError(f"{argument}: {path!r} is a {type(target).__name__}, not something to call")
    return target


def source_digest(path: str, argument: str) -> str:
    """SHA-256 of the user's source behind an import path, "" for a built-in name: edited code is another experiment.
    `empirical.source_digest` says what the user's source is.
    """
    if ":" not in path:
        return ""
    import_object(path, argument)
    module, _, name = path.partition(":")
    if module == SESSION:
        digest: str = sys.modules[SESSION].digests[name]
        return digest
    return source_digest_of(module)

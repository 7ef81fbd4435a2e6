"""Observers by name, as `--observe` takes them."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from empirical.import_path import import_object
from empirical.observers.observer import Observer
from theory.common.names import nearest_name

OBSERVERS: dict[str, str] = {
    "tensorboard": "event files in OUT/tensorboard; needs the package tensorboard",
    "wandb": "Weights & Biases, offline in OUT/wandb unless WANDB_MODE says otherwise; needs wandb",
    "mlflow": "MLflow, in OUT/mlflow.db unless MLFLOW_TRACKING_URI says otherwise; needs mlflow",
}
"""What each of ours is, for `--list`; the package that it needs has its name."""

_ARGUMENT = "observe (--observe)"


def find_observers(choices: Sequence[str | Observer | Callable[[Path], Observer]], out: Path) -> dict[str, Observer]:
    """Make observers, by the name that a run's directory notes for each.

    Arguments:
        choices: names of `OBSERVERS`; import paths `package.module:factory`; factories, which are called with `out`; or
            observers themselves.
        out: the directory of all records.

    Raises ValueError for an unknown name, for one whose package is not installed, for what is no observer, and for two
    of one name.
    """
    observers: dict[str, Observer] = {}
    for choice in choices:
        name, observer = (choice, _named(choice, out)) if isinstance(choice, str) else _own(choice, out)
        if not any(callable(getattr(observer, method, None)) for method in ("begin", "epoch", "end")):
            raise ValueError(f"observe: {name} is a {type(observer).__name__} without a method begin, epoch or end")
        if name in observers:
            raise ValueError(f"observe: there are two observers of the name {name}: a run could not tell them apart")
        observers[name] = observer
    return observers


def check_observers(names: Sequence[str]) -> None:
    """Raises ValueError as `find_observers` does for names, and makes none."""
    for name in names:
        if ":" in name:
            import_object(name, _ARGUMENT)
        elif name not in OBSERVERS:
            raise ValueError(f"{_ARGUMENT}: {nearest_name(name, OBSERVERS)}; or package.module:factory")
        elif find_spec(name) is None:
            raise ValueError(
                f"--observe {name} needs the package {name}: pip install 'rethinking-generalization[{name}]'"
            )


def _named(name: str, out: Path) -> Any:
    check_observers([name])
    if ":" in name:
        return import_object(name, _ARGUMENT)(out)
    return import_module(f"empirical.observers.{name}").observer(out)


def _own(source: Any, out: Path) -> tuple[str, Any]:
    if isinstance(source, type) or not any(hasattr(source, method) for method in ("begin", "epoch", "end")):
        if not callable(source):
            raise ValueError(f"observe: an observer, a factory or a name is wanted, got a {type(source).__name__}")
        return f"{source.__module__}:{source.__qualname__}", source(out)
    return f"{type(source).__module__}:{type(source).__qualname__}", source

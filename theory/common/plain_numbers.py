"""NumPy's numbers as Python's, at a function's door: NumPy's integers overflow, and its short floats round."""

import operator
from collections.abc import Callable, Sequence
from functools import partial, wraps
from inspect import Parameter, formatannotation, signature
from itertools import chain, repeat
from numbers import Integral
from typing import Annotated, Any, TypeVar, get_args, get_origin

import numpy as np

from theory.common.arrays import as_real

T = TypeVar("T", bound=Callable[..., Any])


def plain_numbers(target: T) -> T:
    """A function, or a class's constructor, whose arguments are Python's numbers where its annotations say numbers.

    What is annotated `int`, `float` or `bool`, or a tuple or sequence of these, is converted before the body runs, so
    that a count of `np.uint8`, a margin of `np.float16` or an array without dimensions computes what the Python number
    of the same value does. A union with anything but None takes what is no number as it is. Raises TypeError, naming
    the argument, for 2.0 or True as an `int`, and for text or True as a `float`.
    """
    if isinstance(target, type):
        target.__init__ = plain_numbers(target.__init__)  # type: ignore[misc]
        return target
    parameters = signature(target).parameters.values()
    doors = {parameter.name: _door(parameter) for parameter in parameters}
    in_place = [doors[parameter.name] for parameter in parameters if parameter.kind in _IN_PLACE]
    others = [doors[parameter.name] for parameter in parameters if parameter.kind is Parameter.VAR_POSITIONAL]

    @wraps(target)
    def function(*arguments: Any, **named: Any) -> Any:
        following = chain(in_place, repeat(others[0] if others else _as_it_is))
        return target(
            *(door(value) for door, value in zip(following, arguments, strict=False)),
            **{name: doors.get(name, _as_it_is)(value) for name, value in named.items()},
        )

    return function  # type: ignore[return-value]


def as_integer(value: Any, name: str) -> int:
    """The same number as an `int`: 2**n is 0 for a NumPy integer n of 64 or more.

    Raises TypeError, naming the argument, for what is no integer, 2.0 and True among them.
    """
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise TypeError(f"{name} must be an integer, got {value!r}")


def as_number(value: Any, name: str) -> float:
    """The same number as a `float`, or as the `int` that it is: a `float16` ends at 65504.

    Raises TypeError, naming the argument, for what is no real number, True among them.
    """
    if type(value) is float or type(value) is int:
        return value
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    if not hasattr(value, "__float__") or isinstance(value, bool) or np.ndim(value) > 0 or kind not in "iuf":
        raise TypeError(f"{name} must be a number, got {value!r}")
    return int(value) if isinstance(value, Integral) else float(value)


def _as_truth(value: Any, name: str) -> Any:
    return bool(value) if isinstance(value, np.bool_) else value


def _as_it_is(value: Any) -> Any:
    return value


_IN_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NUMBERS: dict[str, Callable[[Any, str], Any]] = {"int": as_integer, "float": as_number, "bool": _as_truth}
_SEQUENCES: dict[str, type[Sequence[Any]]] = {"tuple[{}, ...]": tuple, "Sequence[{}]": list}


def _door(parameter: Parameter) -> Callable[[Any], Any]:
    """What the parameter's annotation asks for."""
    annotation = parameter.annotation
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    text = annotation if isinstance(annotation, str) else formatannotation(annotation)
    parts = text.replace("collections.abc.", "").split(" | ")
    for kind, convert in _NUMBERS.items():
        if kind in parts:
            others = {*parts} - {kind, "None"}
            return partial(_number, convert=convert, name=parameter.name, optional="None" in parts, others=bool(others))
        for form, container in _SEQUENCES.items():
            if parts == [form.format(kind)]:
                return partial(_sequence, convert=convert, name=parameter.name, container=container)
    return _as_it_is


def _number(value: Any, convert: Callable[[Any, str], Any], name: str, *, optional: bool, others: bool) -> Any:
    if (optional and value is None) or (others and not isinstance(value, np.generic)):
        return value
    return convert(value, name)


def _sequence(values: Any, convert: Callable[[Any, str], Any], name: str, container: type[Sequence[Any]]) -> Any:
    if not hasattr(values, "__iter__") or getattr(values, "shape", None) == ():
        raise TypeError(f"{name} must be a sequence of numbers, got {values!r}")
    if hasattr(values, "dtype"):
        values = as_real(values, name).tolist()
    return container(convert(value, name) for value in values)  # type: ignore[call-arg]

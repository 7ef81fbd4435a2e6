"""Whole numbers of any type as Python's, which do not overflow."""

import operator
from typing import Any


def as_integer(value: Any, name: str) -> int:
    """The same number as an `int`: 2**n is 0 for a NumPy integer n of 64 or more.

    Raises TypeError, naming the argument, for what is no integer, 2.0 among them.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None

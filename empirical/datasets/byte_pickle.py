"""Pickles of plain values and arrays of bytes, read without running anything that they ask for.

A pickle is a program: it names functions and calls them with arguments of its choice. CIFAR-10 is published
in this form, as written by Python 2: a dictionary of lists, strings and NumPy arrays of bytes. The few names
that it needs are given stand-ins here, which gather shape and bytes; every other name is refused. NumPy's own
unpickling is not used either: arrays of objects and data types of arbitrary layout do not exist here.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.datasets.pickle_bounds import check_bounds


class ByteArray:
    """A stand-in for a pickled NumPy array of bytes. `array` is None until the pickle has given its content."""

    array: npt.NDArray[np.uint8] | None = None

    def __setstate__(self, state: tuple[int, tuple[int, ...], object, bool, bytes]) -> None:
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _ByteType):
            raise pickle.UnpicklingError("an array without a data type")
        self.array = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")


class _ByteType:
    """A stand-in for dtype("u1"), the only permitted dtype. Byte order, fields and flags mean nothing to bytes."""

    def __init__(self, name: object, *_: object) -> None:
        if name not in (b"u1", "u1"):
            raise pickle.UnpicklingError(f"an array of dtype {name!r}, where only bytes (u1) are permitted")

    def __setstate__(self, state: object) -> None:
        pass


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # A pickle can set attributes of what it is given. The functions are made anew each time and the rest
        # is immutable, so nothing that outlives the reading changes.
        match module, name:
            case (("numpy.core.multiarray" | "numpy._core.multiarray"), "_reconstruct"):
                return lambda *_: ByteArray()
            case "numpy", "ndarray":
                return None  # the first argument of _reconstruct, not looked at
            case "numpy", "dtype":
                return lambda *arguments: _ByteType(*arguments)
            case "_codecs", "encode":
                return lambda text, encoding: _latin_1(text, encoding)  # how Python 3 writes bytes for Python 2
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which image data does not need: refused")


def _latin_1(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}, where only latin1 is permitted")
    return text.encode("latin-1")


def read_byte_pickle(path: Path) -> Any:
    """The value in a pickle, with a `ByteArray` for each array and bytes for Python 2's strings.

    Raises ValueError, naming the file, for anything else than plain values and arrays of bytes, or for one that would
    take more time or memory than such values do (`pickle_bounds`).
    """
    try:
        content = path.read_bytes()
        check_bounds(content)
        return _RestrictedUnpickler(io.BytesIO(content), encoding="bytes").load()
    except FileNotFoundError:
        raise
    except Exception as error:  # a malformed pickle can raise almost anything
        raise ValueError(f"{path}: not a pickle of plain values and bytes: {error}") from error

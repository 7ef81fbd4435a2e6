"""Archives of arrays (.npz), read as `np.savez` writes them and in no other way; what NumPy raises for others."""

import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DAMAGED = (
    *(ValueError, EOFError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile),
    *(MemoryError, OverflowError, RecursionError, TypeError),
)
"""What `np.load` raises for a file that is no array: its header is a Python literal, of any size."""


def load_arrays(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an uncompressed .npz file by name, checksums verified.

    Raises OSError if it cannot be opened, ValueError, naming it, for anything else than such an archive: what is
    compressed, or says that it is larger than the file, could ask for any amount of memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            size = sum(entry.file_size for entry in entries)
            if any(entry.compress_type for entry in entries) or size > Path(path).stat().st_size:
                raise ValueError("its entries do not fit into it")
            if damaged := archive.testzip():
                raise ValueError(f"the checksum of {damaged!r} does not hold")
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name]) for name in file.files}
    except Exception as error:  # zipfile and NumPy raise almost anything for what is damaged
        if isinstance(error, OSError) and error.filename is not None:
            raise  # it cannot be opened; without a name, an entry is said to be where no place is
        raise ValueError(f"{path} cannot be read: {type(error).__name__}: {error}") from error

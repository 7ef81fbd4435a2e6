"""Files of tensors and numbers: written whole and durably, and read only as they were written.

PyTorch's reader looks at none of the checksums in its own archives, so that a flipped bit comes back as another number.
Here they are verified before anything is unpickled.
"""

import io
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import torch

from theory.common.atomic import replacing


def save_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write tensors, numbers and strings, whole or not at all.

    In the main thread they are copied to memory first, in any other they are not. Raises OSError with the system's
    reason if it fails.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        if threading.current_thread() is threading.main_thread():
            # An interrupt that arrives while the archive's writer, in C++, writes to a file would end the process.
            archive = io.BytesIO()
            torch.save(content, archive)
            file.write(archive.getbuffer())
        else:  # no other thread is interrupted, and a Gram matrix is too large to be held twice
            try:
                torch.save(content, file)
            except RuntimeError as error:  # the archive's writer speaks of positions where the disk is full
                if reason := _reason_of_the_system(error):
                    raise OSError(*reason) from error
                raise
        file.flush()
        os.fsync(file.fileno())


def load_tensors(path: Path) -> dict[str, Any]:
    """What `save_tensors` wrote, on the CPU.

    Raises FileNotFoundError if there is no such file, ValueError if it is damaged.
    """
    try:
        _verify(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged file makes the unpickler raise whatever it likes
        raise ValueError(f"{path} cannot be read ({_summary(error)})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} cannot be read (it is no dictionary)")
    return content


def _verify(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        # PyTorch compresses nothing: whatever would unpack to more than the file is not its own.
        if any(entry.compress_type for entry in entries) or sum(e.file_size for e in entries) > path.stat().st_size:
            raise ValueError("its entries do not fit into it")
        if damaged := archive.testzip():
            raise ValueError(f"the checksum of {damaged!r} does not hold")


def _reason_of_the_system(error: BaseException) -> tuple[Any, ...]:
    """The number and words of the OSError behind an error, empty if there is none. They are not the error itself, whose
    traceback leads back to the frame that would hold it: in such a circle what was to be saved stays in memory."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return cause.args if cause else ()


def _summary(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__

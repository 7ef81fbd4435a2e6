"""Standard output that takes whatever is printed: any locale, closed, or a pipe that nobody reads any more.

What a command prints is a courtesy: its records must not depend on whether anybody listens.
"""

import errno
import io
import os
import sys
from typing import Any, TextIO


class _PatientFile(io.FileIO):
    """A stream that drops what a broken pipe, or a terminal that is gone, does not accept."""

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
            return memoryview(content).nbytes


def prepare_output() -> None:
    """Make this process's standard output and error of that kind; for programs, before they print anything.

    A character that the locale does not have is printed as its escape.
    """
    sys.stdout, sys.stderr = _patient(sys.stdout, 1), _patient(sys.stderr, 2)


def _patient(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:  # it was closed before the program began: another file may have its number by now
        return open(os.devnull, "w", encoding="utf-8")
    stream.flush()
    file = _PatientFile(descriptor, "w", closefd=False)
    unbuffered = isinstance(stream, io.TextIOWrapper) and stream.write_through  # as PYTHONUNBUFFERED asks for
    return io.TextIOWrapper(
        file if unbuffered else io.BufferedWriter(file),  # as Python does it itself
        stream.encoding,
        "backslashreplace",
        line_buffering=file.isatty() or descriptor == 2,
        write_through=unbuffered,
    )

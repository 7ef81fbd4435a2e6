"""Download of one file with a known digest: it appears under its name whole and right, or not at all.

The package pooch does the same but for a limit on what a server may send before the digest is known, and it would bring
requests and two more packages with it.
"""

import hashlib
import http.client
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from theory.common.atomic import replacing

_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 18

MOST_BYTES = 2**30
"""What a server may send: six times the largest archive. The digest is known only at the end."""


class DownloadError(OSError):
    """A download that failed, or brought something else than expected."""


def download(url: str, path: Path, digest: str, *, progress: bool = True) -> None:
    """Download `url` to `path`, unless a file with that digest is there already.

    The bytes go to a file of this process's own, which gets the name `path` once their digest is right; otherwise they
    are deleted. Several processes may download the same file at once.

    Arguments:
        url: what to download.
        path: the file to write; its directory must exist.
        digest: what to expect, "sha256:..." or "md5:..." in hexadecimal.
        progress: report on standard error, by a bar on a terminal and by a line every 10% elsewhere.

    Raises DownloadError if the transfer fails or the digest differs.
    """
    algorithm = digest.partition(":")[0]
    if path.exists() and _digest_of_file(path, algorithm) == digest:
        return
    with replacing(path) as partial:
        received = _transfer(url, partial, algorithm, progress)
        if received != digest:
            raise DownloadError(f"{url} is not the expected file: its digest is {received}, not {digest}")


def _transfer(url: str, path: Path, algorithm: str, progress: bool) -> str:
    """Copy `url` to `path` and return the digest of the bytes received."""
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    received = 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, path.open("wb") as file:
            total = _announced(response.headers.get("Content-Length"))
            with _reporter(url.rpartition("/")[2], total, progress) as report:
                while chunk := response.read(_CHUNK):
                    received += len(chunk)
                    if received > MOST_BYTES:
                        raise DownloadError(f"cannot download {url}: it sends more than {MOST_BYTES / 1e9:.0f} GB")
                    file.write(chunk)
                    hasher.update(chunk)
                    report(received)
    except DownloadError:
        raise
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise DownloadError(f"cannot download {url}: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if type(error) is urllib.error.URLError else error
        raise DownloadError(f"cannot download {url}: {reason}") from error
    if total is not None and received != total:
        raise DownloadError(f"cannot download {url}: it broke off after {received:,} of {total:,} bytes")
    return f"{algorithm}:{hasher.hexdigest()}"


def _announced(length: str | None) -> int | None:
    """The number of bytes that a server announces; None if it announces none, or what is no number."""
    return int(length) if length is not None and length.strip().isdecimal() else None


def _digest_of_file(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{digest.hexdigest()}"


@contextmanager
def _reporter(name: str, total: int | None, progress: bool) -> Iterator[Callable[[int], None]]:
    """Make the function that is called with the number of bytes received so far."""
    console = Console(stderr=True)
    if not progress:
        yield lambda received: None
    elif console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(name, total=total)
            yield lambda received: bar.update(task, completed=received)
    else:
        yield _plain_lines(name, total)


def _plain_lines(name: str, total: int | None) -> Callable[[int], None]:
    tenths = 0

    def report(received: int) -> None:
        nonlocal tenths
        if total and received * 10 // total > tenths:
            tenths = received * 10 // total
            print(f"{name}: {10 * tenths}% of {total:,} bytes", file=sys.stderr, flush=True)

    return report

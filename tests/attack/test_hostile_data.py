"""Data from elsewhere that mean harm: servers, archives, parquet files, a memory map that is cut while it is in use."""

import gc
import gzip
import hashlib
import io
import os
import socket
import struct
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from empirical.datasets import archives, parquet
from empirical.datasets import download as module
from empirical.datasets.archives import Archive, fetch, unpack
from empirical.datasets.download import DownloadError, download
from empirical.datasets.loading import load
from empirical.datasets.memory_map import mapped_images
from tests.empirical.made_up_images import labelled, write_folder, write_parquet

DIGEST = "sha256:" + hashlib.sha256(b"right").hexdigest()
OK = b"HTTP/1.1 200 OK\r\n"


class Talker:
    """A server on this machine that says what it is told to whoever connects, and then hangs up, or hangs."""

    def __init__(self, *answers: bytes, hangs: bool = False, polite: bool = False, endless: bytes = b"") -> None:
        self._answers, self._hangs, self._polite, self._endless = answers, hangs, polite, endless
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/file.tar.gz"

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    for part in self._answers:
                        connection.sendall(part)
                    while self._endless and not self._over.is_set():
                        connection.sendall(self._endless)
                    if self._hangs:
                        self._over.wait(20)
                    elif not (self._endless or self._polite):
                        # Resets the connection instead of closing it.
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass

    def __enter__(self) -> str:
        self._thread.start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


TALKERS = {
    "hangs at once": (Talker(hangs=True), "timed out"),
    "hangs in the headers": (Talker(OK, hangs=True), "timed out"),
    "hangs in the content": (Talker(OK + b"Content-Length: 100\r\n\r\nrig", hangs=True), "timed out"),
    "hangs up": (Talker(), "cannot download"),
    "cuts the connection": (Talker(OK + b"Content-Length: 100\r\n\r\nrig"), "cannot download"),
    "cuts a chunk": (Talker(OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nrig"), "cannot download"),
    "is no HTTP server": (Talker(b"220 mail ready\r\n" * 10), "cannot download"),
    "has an endless header": (Talker(OK, endless=b"X: " + b"y" * 4096 + b"\r\n"), "cannot download"),
    "has an endless line": (Talker(OK + b"X: ", endless=b"y" * 65536), "cannot download"),
    "sends for ever": (Talker(OK + b"\r\n", endless=bytes(65536)), "more than"),
    "announces no number": (Talker(OK + b"Content-Length: many\r\n\r\nright", hangs=True), "timed out"),
    "announces less than nothing": (Talker(OK + b"Content-Length: -5\r\n\r\nright"), "cannot download|digest"),
    "sends something else": (
        Talker(OK + b"Content-Length: 5\r\nConnection: close\r\n\r\nwrong", hangs=True),
        "digest",
    ),
    "leads to a file": (
        Talker(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", hangs=True),
        "cannot download",
    ),
    "leads in circles": (
        Talker(b"HTTP/1.1 302 Found\r\nLocation: /file.tar.gz\r\nContent-Length: 0\r\n\r\n", polite=True),
        "cannot download",
    ),
}


@pytest.mark.parametrize("name", TALKERS)
def test_a_server_that(name, tmp_path, monkeypatch):
    talker, message = TALKERS[name]
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(module, "_TIMEOUT", 0.5)
    monkeypatch.setattr(module, "MOST_BYTES", 2**22)
    with talker as url, pytest.raises(DownloadError, match=message):
        download(url, tmp_path / "file", DIGEST, progress=False)
    gc.collect()  # a connection that was left open is a warning, and warnings are errors
    assert list(tmp_path.iterdir()) == []


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 3) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return info


def tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info in members:
            archive.addfile(info, io.BytesIO(b"abc"))
    return path


HOSTILE = {
    "a way out": [member("fine"), member("../out")],
    "a way out, deeper": [member("a/../../out")],
    "an absolute name": [member("/tmp/attack-out")],
    "a symbolic link": [member("link", tarfile.SYMTYPE, "/etc/passwd")],
    "a link and a file through it": [member("d", tarfile.SYMTYPE, ".."), member("d/out")],
    "a hard link": [member("link", tarfile.LNKTYPE, "/etc/passwd")],
    "a hard link to a member": [member("fine"), member("link", tarfile.LNKTYPE, "fine")],
    "a pipe": [member("pipe", tarfile.FIFOTYPE)],
    "a device": [member("device", tarfile.CHRTYPE)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_with(name, tmp_path):
    target = tmp_path / "data"
    target.mkdir()
    archive = tar(tmp_path / "archive.tar.gz", *HOSTILE[name])
    with pytest.raises(ValueError, match="link or leads out"):
        unpack(archive, target)
    assert list(target.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.tar.gz", "data"]


def test_an_archive_that_is_a_bomb(tmp_path):
    """Ten gigabytes by its header, of which nothing is unpacked."""
    header = tarfile.TarInfo("zeros")
    header.size = 10 * 2**30
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf() + bytes(10240)))
    (tmp_path / "data").mkdir()
    with pytest.raises(ValueError, match="unpacks to more than 2 GB"):
        unpack(path, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("cut", [0, 1, 30, 60, -1])
def test_an_archive_that_is_cut(tmp_path, cut):
    path = tar(tmp_path / "archive.tar.gz", member("a"), member("b"))
    path.write_bytes(path.read_bytes()[:cut])
    (tmp_path / "data").mkdir()
    try:
        unpack(path, tmp_path / "data")
    except ValueError as error:
        assert "archive.tar.gz" in str(error)  # noqa: PT017 - tarfile does not ask for all of the end
        assert list((tmp_path / "data").iterdir()) == []


def test_names_that_differ_in_case_and_names_in_each_others_way(tmp_path):
    (tmp_path / "data").mkdir()
    unpack(tar(tmp_path / "a.tar.gz", member("Name"), member("name")), tmp_path / "data")
    assert {path.name.lower() for path in (tmp_path / "data").iterdir()} == {"name"}
    with pytest.raises((ValueError, OSError)):
        unpack(tar(tmp_path / "b.tar.gz", member("x"), member("x/y")), tmp_path / "data")
    assert not (tmp_path / "data" / "x").is_dir()


def test_a_data_set_whose_archive_is_another(tmp_path, monkeypatch):
    """By the command's own way: what has the wrong digest is neither kept nor unpacked."""
    monkeypatch.setenv("no_proxy", "*")
    content = tar(tmp_path / "made.tar.gz", member("../out")).read_bytes()
    answer = OK + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(content) + content
    with Talker(answer, hangs=True) as url:
        monkeypatch.setitem(archives.ARCHIVES, "cifar10", (Archive(url, DIGEST),))
        with pytest.raises(DownloadError, match="is not the expected file"):
            fetch("cifar10", tmp_path / "data", progress=False)
        right = "sha256:" + hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(archives.ARCHIVES, "cifar10", (Archive(url, right),))
        with pytest.raises(ValueError, match="leads out"):
            load("cifar10", tmp_path / "data", download=True)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("images"))


def parquet_files(images: Path, root: Path) -> Path:
    pytest.importorskip("pyarrow", reason="needs pyarrow: the extra imagenet")
    return write_parquet(root, {"train": labelled(images / "train"), "validation": labelled(images / "val")}, shards=1)


def rewritten(path: Path, **columns: object) -> None:
    import pyarrow as pa
    from pyarrow import parquet as pq

    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table.replace_schema_metadata(None), path)


TRAIN = "train-00000-of-00001.parquet"


def test_a_label_of_more_classes_than_fit_into_memory(images, tmp_path):
    folder = parquet_files(images, tmp_path / "files")
    for path in folder.iterdir():
        rewritten(path, label=[0, 2**60, *[1] * (7 if "val" in path.name else 22)])
    with pytest.raises(
        ValueError, match=r"parquet: row 1 has the label 1152921504606846976, more than 1,048,576 classes"
    ):
        parquet.load_parquet(folder, 8)


def test_a_file_of_more_rows_than_bytes(images, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet as pq

    folder = parquet_files(images, tmp_path / "files")
    n = 3_000_000
    same = pa.array([None], pa.struct([("bytes", pa.binary()), ("path", pa.string())])).take(pa.array(np.zeros(n, int)))
    pq.write_table(pa.table({"image": same, "label": pa.array(np.zeros(n, np.int64))}), folder / TRAIN)
    assert (folder / TRAIN).stat().st_size < n
    with pytest.raises(ValueError, match=r"parquet: it is said to have 3,000,000 images"):
        parquet.load_parquet(folder, 8)


def test_a_row_group_that_is_a_bomb(images, tmp_path, monkeypatch):
    folder = parquet_files(images, tmp_path / "files")
    n = 24
    rewritten(folder / TRAIN, image=[{"bytes": bytes(2**17), "path": ""}] * n)
    monkeypatch.setattr(parquet, "MOST_BYTES_OF_A_GROUP", 2**16)
    with pytest.raises(ValueError, match="row group 0 unpacks to"):
        parquet.load_parquet(folder, 8)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_called_parquet_does_not_hang(images, tmp_path):
    folder = parquet_files(images, tmp_path / "files")
    (folder / TRAIN).unlink()
    os.mkfifo(folder / TRAIN)
    with pytest.raises(ValueError, match="no regular file"):
        parquet.load_parquet(folder, 8)


def test_a_memory_map_that_is_cut_while_it_is_in_use(images, tmp_path):
    from empirical.datasets.folder import find_image_files

    split = find_image_files(images, 8).streamed("folder", 8).train
    path = tmp_path / "map.npy"
    mapped = mapped_images(split.stored, split.identity, path, workers=1)
    whole = mapped.read(np.arange(24))
    os.truncate(path, path.stat().st_size - 1000)
    with pytest.raises(ValueError, match=r"map\.npy was cut to .* while it was in use: remove it"):
        mapped.read(np.arange(24))
    again = mapped_images(split.stored, split.identity, path, workers=1)
    assert np.array_equal(again.read(np.arange(24)), whole)
    path.unlink()  # what is mapped stays
    assert np.array_equal(again.read(np.arange(24)), whole)


ODD = [
    *("[]", "{}", "nul", "[" * 10**5, '{"identity": 3}', '{"histogram": "x"}'),
    *('{"identity": IDENTITY, "histogram": [[1e400]]}', '{"identity": IDENTITY}'),
    '{"identity": IDENTITY, "histogram": [1]}',
]


@pytest.mark.parametrize("about", ODD, ids=range(len(ODD)))
def test_a_memory_map_with_odd_words_beside_it_is_made_anew(images, tmp_path, about):
    import json

    from empirical.datasets.folder import find_image_files

    split = find_image_files(images, 8).streamed("folder", 8).train
    path = tmp_path / "map.npy"
    whole = mapped_images(split.stored, split.identity, path, workers=1)
    path.with_suffix(".json").write_text(about.replace("IDENTITY", json.dumps(split.identity)))
    again = mapped_images(split.stored, split.identity, path, workers=1)
    assert again.counts.tolist() == whole.counts.tolist()

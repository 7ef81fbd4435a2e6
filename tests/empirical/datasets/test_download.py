import hashlib
import http.server
import socket
import threading

import pytest

from empirical.datasets import download as module
from empirical.datasets.download import DownloadError, download

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()
STALLED = threading.Event()  # set to let the stalled transfer end


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/unannounced":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if self.path in ("/half", "/stalled") else CONTENT)
        if self.path == "/stalled":
            self.wfile.flush()
            STALLED.wait(60)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that hung up, as one does here on purpose


@pytest.fixture(scope="module")
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def only(path):
    """Whether `path` is all that lies in its directory."""
    return list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("digest", [SHA256, MD5])
@pytest.mark.parametrize("name", ["file", "unannounced"])
def test_a_file_arrives_whole(server, tmp_path, digest, name):
    download(f"{server}/{name}", tmp_path / "file", digest)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert only(tmp_path / "file")


def test_a_file_address(tmp_path):
    source = tmp_path / "source" / "file"
    source.parent.mkdir()
    source.write_bytes(CONTENT)
    target = tmp_path / "target" / "file"
    target.parent.mkdir()
    download(source.as_uri(), target, SHA256)
    assert target.read_bytes() == CONTENT


def test_another_digest(server, tmp_path):
    wrong = "sha256:" + "0" * 64
    with pytest.raises(DownloadError) as caught:
        download(f"{server}/file", tmp_path / "file", wrong)
    assert wrong in str(caught.value)
    assert SHA256 in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_fetched_again(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    download("http://127.0.0.1:9/file", tmp_path / "file", SHA256)


def test_two_processes_that_download_at_once(server, tmp_path, monkeypatch):
    """The second begins and ends while the first is at it."""
    path, transfer = tmp_path / "file", module._transfer

    def slow(url, partial, *arguments):
        monkeypatch.setattr(module, "_transfer", transfer)
        partial.write_bytes(CONTENT[:100])
        download(url, path, SHA256, progress=False)
        assert path.read_bytes() == CONTENT
        assert partial.read_bytes() == CONTENT[:100], "a file of the first one's own"
        return transfer(url, partial, *arguments)

    monkeypatch.setattr(module, "_transfer", slow)
    download(f"{server}/file", path, SHA256, progress=False)
    assert path.read_bytes() == CONTENT
    assert only(path)


def test_a_damaged_file_is_replaced(server, tmp_path):
    (tmp_path / "file").write_bytes(b"damaged")
    download(f"{server}/file", tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_damaged_file_stays_if_the_download_fails(server, tmp_path):
    (tmp_path / "file").write_bytes(b"damaged")
    with pytest.raises(DownloadError):
        download(f"{server}/half", tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == b"damaged"
    assert only(tmp_path / "file")


def test_no_server(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/file"
        with pytest.raises(DownloadError, match=f"^cannot download {url}: .*refused"):
            download(url, tmp_path / "file", SHA256)
    assert list(tmp_path.iterdir()) == []


def test_no_such_file(server, tmp_path):
    with pytest.raises(DownloadError, match=r"cannot download .*/missing: .*404") as caught:
        download(f"{server}/missing", tmp_path / "file", SHA256)
    assert caught.value.__cause__.fp.closed


def test_a_transfer_that_breaks_off(server, tmp_path):
    with pytest.raises(DownloadError, match="broke off after 524,288 of 1,048,576 bytes"):
        download(f"{server}/half", tmp_path / "file", SHA256)
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_stalls(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TIMEOUT", 0.1)
    with pytest.raises(DownloadError, match="timed out"):
        download(f"{server}/stalled", tmp_path / "file", SHA256)
    STALLED.set()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there(server, tmp_path):
    with pytest.raises(DownloadError, match="No such file or directory"):
        download(f"{server}/file", tmp_path / "nowhere" / "file", SHA256)


def test_progress_in_plain_lines(server, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 1 << 14)
    download(f"{server}/archive.gz", tmp_path / "file", SHA256)
    lines = capfd.readouterr().err.splitlines()
    assert lines == [f"archive.gz: {10 * tenth}% of 1,048,576 bytes" for tenth in range(1, 11)]


def test_progress_as_a_bar_on_a_terminal(server, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    download(f"{server}/archive.gz", tmp_path / "file", SHA256)
    bar = capfd.readouterr().err
    assert "archive.gz" in bar
    assert "1.0/1.0 MB" in bar


def test_no_progress(server, tmp_path, capfd):
    download(f"{server}/file", tmp_path / "file", SHA256, progress=False)
    assert capfd.readouterr() == ("", "")

import hashlib
import io
import re
import tarfile

import pytest

from empirical.datasets import DownloadError
from empirical.datasets.archives import ARCHIVES, Archive, fetch, unpack


def tar(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def archive_of(path):
    return Archive(path.as_uri(), "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())


def test_digests_are_well_formed():
    for archives in ARCHIVES.values():
        for archive in archives:
            assert re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", archive.digest)


def test_fetch_downloads_and_unpacks(tmp_path, monkeypatch):
    tar(tmp_path / "toy.tar.gz", {"inner/one": b"1", "inner/two": b"22", "three": b"333"})
    (tmp_path / "plain.gz").write_bytes(b"as it is")
    monkeypatch.setitem(ARCHIVES, "toy", tuple(archive_of(tmp_path / name) for name in ("toy.tar.gz", "plain.gz")))
    root = tmp_path / "deep" / "root"
    fetch("toy", root, progress=False)
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    del files["toy.tar.gz"]
    assert files == {"inner/one": b"1", "inner/two": b"22", "three": b"333", "plain.gz": b"as it is"}


def test_fetch_completes_what_is_there(tmp_path):
    tar(tmp_path / "toy.tar.gz", {"inner/one": b"1", "inner/two": b"22"})
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "one").write_bytes(b"half")
    unpack(tmp_path / "toy.tar.gz", tmp_path)
    assert (tmp_path / "inner" / "one").read_bytes() == b"1"
    assert (tmp_path / "inner" / "two").read_bytes() == b"22"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inner", "toy.tar.gz"]


@pytest.mark.parametrize("name", ["../evil", "inner/../../evil"])
def test_a_member_that_climbs_out_is_refused(tmp_path, name):
    tar(tmp_path / "toy.tar.gz", {"good": b"1", name: b"2"})
    (tmp_path / "root").mkdir()
    with pytest.raises(ValueError, match=f"'{name}' is a link or leads out of the directory"):
        unpack(tmp_path / "toy.tar.gz", tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


def test_a_link_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    with tarfile.open(tmp_path / "toy.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(ValueError, match="'link' is a link"):
        unpack(tmp_path / "toy.tar", tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_a_wrong_archive_is_not_unpacked(tmp_path, monkeypatch):
    tar(tmp_path / "toy.tar.gz", {"one": b"1"})
    wrong = Archive((tmp_path / "toy.tar.gz").as_uri(), "md5:" + "0" * 32)
    monkeypatch.setitem(ARCHIVES, "toy", (wrong,))
    with pytest.raises(DownloadError, match="not the expected file"):
        fetch("toy", tmp_path / "root", progress=False)
    assert list((tmp_path / "root").iterdir()) == []

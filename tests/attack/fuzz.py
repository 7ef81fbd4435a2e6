"""A fuzzer of everything that reads files: `python -m tests.attack.fuzz --seconds 60 [READER ...]`.

Whole files are damaged at random, and read: by flipped bits, numbers at the ends of their ranges, parts that are cut,
doubled, moved or taken from another place, and tokens of the format. Right is the content or a `ValueError` that names
the file. A finding is anything else: another error, a crash of the process, ten seconds, a gigabyte. Every finding is
saved with what it did. A reader's process is forked, and its next input is on the disk before it is read, so that a
crash is kept too.
"""

import argparse
import gzip
import io
import json
import multiprocessing
import os
import pickle
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

LONGEST = 10  # seconds
MOST = 2**30  # bytes

NUMBERS = [0, 1, -1, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1]
TOKENS = {
    "json": [
        b"{",
        b"}",
        b"[",
        b"]",
        b"[" * 3000,
        b"null",
        b"true",
        b"NaN",
        b"1e999",
        b"-1",
        b"1e-400",
        b'"',
        b'""',
        b",",
        b":",
        b"9" * 400,
        b'{"a":1}',
        b"\\ud800",
        b"0x" + b"f" * 999,
        b"1/0",
    ],
    "pickle": [
        b"\x80\x04",
        b"\x95" + b"\xff" * 8,
        b"(",
        b")",
        b"]",
        b"}",
        b"c",
        b"R",
        b"\x93",
        b"t",
        b"0",
        b"2",
        b"\x85" * 50,
        b"r\xff\xff\xff\x3f",
        b"\x8e" + b"\xff" * 7 + b"\x0f",
        b"B\xff\xff\xff\x7f",
        b"cos\nsystem\n",
        b".",
    ],
    "csv": [b",", b"\n", b"nan", b"1e999", b"#", b" ", b"--1", b"1j", b"0x10", b"9" * 400],
    "binary": [],
}


@dataclass(frozen=True)
class Reader:
    """What reads files of a kind: whole ones, and the function."""

    wholes: list[bytes]
    read: Callable[[Path], object]
    name: str = "file"
    tokens: str = "binary"
    any_error: bool = False
    """Whether any Exception will do: of decoders whose caller names the file."""


def damaged(whole: bytes, tokens: list[bytes], chance: random.Random, donors: list[bytes]) -> bytes:
    """The content after one to four changes."""
    content = bytearray(whole)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        size = len(content)
        at = chance.randrange(size + 1) if chance.random() < 0.7 else min(size, int(chance.expovariate(1 / 40)))
        length = int(chance.expovariate(1 / 8)) + 1
        kind = chance.randrange(9)
        if kind == 0 and size:
            content[min(at, size - 1)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            width = chance.choice("bhiqBHIQ")
            number = chance.choice(NUMBERS) & (2 ** (8 * struct.calcsize(width)) - 1)
            content[at : at + struct.calcsize(width)] = struct.pack(chance.choice("<>") + width.upper(), number)
        elif kind == 2:
            del content[at : at + length]
        elif kind == 3:
            content[at:at] = content[at : at + length] * chance.choice([1, 2, 100])
        elif kind == 4:
            del content[at:]
        elif kind == 5 and tokens:
            content[at : at + chance.choice([0, length])] = chance.choice(tokens)
        elif kind == 6:
            donor = chance.choice(donors)
            start = chance.randrange(len(donor) + 1)
            content[at : at + length] = donor[start : start + length]
        elif kind == 7:
            content[at : at + length] = chance.randbytes(length)
        else:
            content[at : at + length] = chance.choice([b"\x00", b"\xff"]) * length
    return bytes(content)


def attack(name: str, reader: Reader, seconds: float, seed: int, place: Path) -> None:
    """In a process of its own, until the time is over: one damaged input after the other; findings are in `place`."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MOST
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, _hangs)
    warnings.simplefilter("ignore")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    chance, path = random.Random(f"{name} {seed}"), place / reader.name
    start, count, used = time.process_time(), 0, 0.0
    while used < seconds:
        content = damaged(chance.choice(reader.wholes), TOKENS[reader.tokens], chance, reader.wholes)
        path.write_bytes(content)
        signal.alarm(LONGEST)
        try:
            reader.read(path)
        except ValueError as error:
            if reader.name not in str(error) and not reader.any_error:
                _keep(place, content, f"the error does not name the file: {error!r}")
        except Exception:
            if not reader.any_error or isinstance(sys.exception(), MemoryError | RecursionError | HangError):
                _keep(place, content, traceback.format_exc())
        finally:
            signal.alarm(0)
        count, used = count + 1, time.process_time() - start
        (place / "count").write_text(f"{count} {used:.1f}")
    path.unlink(missing_ok=True)


class HangError(Exception):
    """Ten seconds are over."""


def _hangs(*_: object) -> None:
    raise HangError


def _keep(place: Path, content: bytes, report: str) -> None:
    """One example of each place in the source."""
    last = [line for line in report.splitlines() if line.startswith("  File ")][-1:] or [report[:60]]
    key = f"{abs(hash((last[0], report.strip().splitlines()[-1][:40]))):016x}"[:8]
    if not (place / f"finding-{key}.txt").exists():
        (place / f"finding-{key}.txt").write_text(report)
        (place / f"finding-{key}.bin").write_bytes(content)


def readers(place: Path) -> dict[str, Reader]:
    """All readers of the project, each with small whole files made for it."""
    from empirical.datasets.byte_pickle import read_byte_pickle
    from empirical.datasets.cifar_files import read_binary, read_pickle
    from empirical.datasets.decoding import read_square
    from empirical.datasets.idx import read_idx
    from empirical.randomization.number_files import read_numbers
    from empirical.runs.checkpoint import content_digest, load_weights
    from empirical.runs.packing import pack
    from empirical.runs.records import read_runs
    from theory.claims import read_findings
    from theory.common.tensor_files import load_tensors, save_tensors
    from theory.expressivity import exact_relu_interpolant, relu_interpolant, save_certificate
    from theory.expressivity.certificate_checker import check_certificate
    from theory.expressivity.deep import DeepNetwork, deep_relu_interpolant
    from theory.expressivity.depth_two import DepthTwoNetwork

    points, labels = [0, 1, 3, 4], [1, 0, 2, 1]
    idx = struct.pack(">HBBIII", 0, 8, 3, 4, 5, 5) + bytes(range(100))
    batch = {b"data": np.arange(6144, dtype=np.uint8).reshape(2, 3072), b"labels": [1, 2], b"filenames": [b"a", b"b"]}
    save_certificate(exact_relu_interpolant(points, labels), place / "c2")
    save_certificate(exact_relu_interpolant(points, labels, depth=3), place / "c3")
    relu_interpolant(points, labels).save(place / "n2.npz")
    deep_relu_interpolant(points, labels, 3).save(place / "n3.npz")
    array = io.BytesIO()
    np.save(array, np.eye(3))
    out = _records(place / "records")
    run = next(out.glob("*mlp*"))
    checkpoint = next(out.glob("*mlp*/checkpoint.pt"))
    small = {"model": load_tensors(checkpoint)["optimizer"], "step": 3, "run": "x"}
    save_tensors(place / "small.pt", small | {"digest": content_digest(small)})
    packed = shutil.copytree(out, place / "to-pack")
    file, _, _ = pack(packed, remove=True)
    parquet = _parquet(place)

    def record(name: str) -> Callable[[Path], object]:
        def read(path: Path) -> object:
            target = place / "read" / run.name
            shutil.copytree(run, target, dirs_exist_ok=True)
            shutil.copy(path, target / name)
            return [(run.config, run.epochs, run.summary) for run in read_runs(place / "read")]

        return read

    def all_packed(path: Path) -> object:
        folder = place / "read-packed"
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder / file.name)
        return [run.summary for run in read_runs(folder)]

    def network(kind: type[Any]) -> Callable[[Path], object]:
        return lambda path: kind.load(path)(np.array([[0.5]]))

    formats = {
        "idx": Reader([idx, idx[:4] + struct.pack(">I", 100) + bytes(100)], read_idx),
        "idx, gzipped": Reader([gzip.compress(idx)], read_idx, "file.gz"),
        "pickle": Reader([pickle.dumps(batch, k) for k in range(6)], read_byte_pickle, tokens="pickle"),
        "CIFAR-10, Python": Reader([pickle.dumps(batch, k) for k in range(6)], read_pickle, tokens="pickle"),
        "CIFAR-10, binary": Reader([bytes(3073 * 2)], read_binary),
        "images": Reader(_images(), lambda path: read_square(path, 8), any_error=True),
        "numbers, npy": Reader([array.getvalue()], read_numbers, "file.npy"),
        "numbers, csv": Reader([b"1,2\n3,4\n"], read_numbers, "file.csv", "csv"),
        "numbers, json": Reader([b"[[1, 2], [3, 4.5]]"], read_numbers, "file.json", "json"),
        "config.json": Reader([(run / "config.json").read_bytes()], record("config.json"), run.name, "json"),
        "metrics.jsonl": Reader([(run / "metrics.jsonl").read_bytes()], record("metrics.jsonl"), run.name, "json"),
        "summary.json": Reader([(run / "summary.json").read_bytes()], record("summary.json"), run.name, "json"),
        "packed records": Reader([file.read_bytes()], all_packed, file.name),
        "packed records, inside": Reader(
            [gzip.decompress(file.read_bytes())], lambda path: all_packed(_gzipped(path)), file.name, "json"
        ),
        "checkpoints": Reader([(place / "small.pt").read_bytes()], lambda path: load_weights(path, "x")),
        "certificates": Reader(
            [(place / name).read_bytes() for name in ("c2", "c3")],
            lambda path: check_certificate(path, points, labels),
            tokens="json",
        ),
        "networks, depth 2": Reader([(place / "n2.npz").read_bytes()], network(DepthTwoNetwork)),
        "networks, deeper": Reader([(place / "n3.npz").read_bytes()], network(DeepNetwork)),
        "claims.json": Reader([_findings()], read_findings, tokens="json"),
    }
    return formats | ({"parquet": parquet} if parquet else {})


def _gzipped(path: Path) -> Path:
    path.write_bytes(gzip.compress(path.read_bytes(), 1))
    return path


def _images() -> list[bytes]:
    from PIL import Image

    picture, contents = Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)), []
    for kind in ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP"):
        file = io.BytesIO()
        picture.save(file, kind)
        contents.append(file.getvalue())
    return contents


def _records(out: Path) -> Path:
    import empirical.job
    from empirical.run import main

    command = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "10", "--launcher", "none"]
    with mock.patch.object(empirical.job, "report_runs", return_value=True):
        assert main([*command, "--tests", "random-labels", "--out", str(out)]) == 0
    return out


def _findings() -> bytes:
    recorded = Path(__file__).parents[2] / "results" / "theory" / "claims.json"
    return json.dumps(json.loads(recorded.read_text(encoding="utf-8"))[:2]).encode()


def _parquet(place: Path) -> Reader | None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return None
    from empirical.datasets.parquet import load_parquet
    from tests.empirical.made_up_images import labelled, write_folder, write_parquet

    images = write_folder(place / "images", 4, 2)
    folder = write_parquet(
        place / "parquet", {"train": labelled(images / "train"), "validation": labelled(images / "val")}, shards=1
    )
    train = "train-00000-of-00001.parquet"

    def read(path: Path) -> object:
        target = shutil.copytree(folder, place / "read-parquet", dirs_exist_ok=True)
        shutil.copy(path, target / train)
        split = load_parquet(target, 8).train
        return split.stored.read(np.arange(len(split.labels)))

    return Reader([(folder / train).read_bytes()], read, train)


def fuzz(names: list[str], seconds: float, seed: int, kept: Path) -> Iterator[tuple[str, int, float, list[Path]]]:
    """(reader, inputs, seconds of the processor, findings) of each, one after the other."""
    with tempfile.TemporaryDirectory() as scratch:
        everything = readers(Path(scratch))
        for name in names or everything:
            place = kept / name.replace(" ", "-").replace(",", "")
            place.mkdir(parents=True, exist_ok=True)
            process = multiprocessing.get_context("fork").Process(
                target=attack, args=(name, everything[name], seconds, seed, place)
            )
            process.start()
            process.join()
            if process.exitcode:
                content = (place / everything[name].name).read_bytes()
                _keep(place, content, f"the process ended with status {process.exitcode}")
            count, used = (place / "count").read_text().split() if (place / "count").exists() else ("0", "0")
            yield name, int(count), float(used), sorted(place.glob("finding-*.txt"))


def main() -> int:
    """Fuzz, and print a line for each reader."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="READER", help="all of them by default")
    parser.add_argument("--seconds", type=float, default=60, help="of the processor, for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="where they are kept")
    parser.add_argument("--json", type=Path, help="file for the counts")
    arguments = parser.parse_args()
    counts, failed = {}, False
    for name, count, used, findings in fuzz(arguments.names, arguments.seconds, arguments.seed, arguments.findings):
        print(f"{name}: {count:,} inputs in {used:.0f} s, {len(findings)} findings", flush=True)
        for path in findings:
            print(f"    {path}: {path.read_text().strip().splitlines()[-1][:160]}", flush=True)
        counts[name], failed = {"inputs": count, "seconds": used, "findings": len(findings)}, failed or bool(findings)
        if arguments.json:
            arguments.json.write_text(json.dumps(counts, indent=1) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

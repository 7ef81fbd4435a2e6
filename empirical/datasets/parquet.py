"""Images in parquet files, in the layout of Hugging Face's imagenet-1k.

Files train-*.parquet and validation-*.parquet (or val-*.parquet, or test-*.parquet), each with a column `image` or
`img`, a struct of `bytes` (an image file) and `path`, and a column `label` of integers. A parquet file is read by row
groups, of 100 rows in Hugging Face's: images in random order make it read a hundred for each one, so that long runs are
better off with a memory map.
"""

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.datasets.decoders import Decoder, decoder_note, read_squares
from empirical.datasets.file_identity import file_identity
from empirical.datasets.folder import fixed_order
from empirical.datasets.image_dataset import ImageDataset, ImageSplit
from empirical.datasets.lazy_images import LazyImages, Samples
from empirical.datasets.not_found import data_not_found

_SPLITS = {"training": ("train",), "validation": ("validation", "val", "test")}
_SHARD = re.compile(r"-(\d+)-of-(\d+)(-[0-9a-f]+)?\.parquet$")  # older exports end in a hash
_COLUMNS = ("image", "img")

MOST_BYTES_OF_A_GROUP = 2**32
"""The most bytes of an unpacked row group; a row group of Hugging Face's contains 100 images."""

MOST_CLASSES = 2**20
"""The most classes of files that do not name them; ImageNet has 1,000, and all of its 21,841 synsets are fewer."""


@dataclass(frozen=True, eq=False)
class ParquetImages(LazyImages):
    """Rows of parquet files, decoded whenever they are asked for.

    Attributes:
        files: paths of the files.
        metadata: pyarrow's metadata of each file.
        rows: the row of each sample, counted over all files.
        groups: (first row, file, row group in it) of each row group, int64 (groups, 3), in order.
        column: the name of the column of images.
        image_size: side of the squares, see `read_square`.
        decoder: the decoder of JPEGs, see `empirical.datasets.decoders`.
    """

    files: tuple[Path, ...]
    metadata: tuple[Any, ...]
    rows: Samples
    groups: npt.NDArray[np.int64]
    column: str
    image_size: int
    decoder: Decoder = "pillow"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(rows, 3, image_size, image_size)."""
        return len(self.rows), 3, self.image_size, self.image_size

    def reading_order(self) -> Samples:
        """The samples in the order in which they lie in the files."""
        return np.argsort(self.rows, kind="stable").astype(np.int64)

    def read(self, samples: Samples) -> npt.NDArray[np.uint8]:
        """Decode these rows. Raises ValueError, naming file and row, for one that is no image."""
        out = np.empty((len(samples), *self.shape[1:]), np.uint8)
        rows = self.rows[samples]
        group_of = np.searchsorted(self.groups[:, 0], rows, side="right") - 1
        for group in np.unique(group_of):
            first, file, number = self.groups[group]
            cells = self._cells(int(file), int(number))
            at = np.flatnonzero(group_of == group)
            try:
                chosen = [cells[int(rows[sample] - first)].as_py() for sample in at]
            except ValueError as error:  # a path that is no text
                raise ValueError(f"{self.files[file]}: row group {number} cannot be read: {error}") from error
            try:
                out[at] = read_squares([_encoded(cell) for cell in chosen], self.image_size, self.decoder)
            except Exception:  # decoders raise almost anything; a batch does not name its row
                for cell, sample in zip(chosen, at, strict=True):
                    self._decode(cell, int(file), int(rows[sample]))
                raise
        return out

    def _cells(self, file: int, group: int) -> Any:
        from pyarrow import ArrowException, parquet

        try:
            # Opened anew: an open file is not for several threads, and its metadata are here already.
            with parquet.ParquetFile(self.files[file], metadata=self.metadata[file]) as opened:
                cells = opened.read_row_group(group, columns=[self.column], use_threads=False).column(self.column)
        except (OSError, ArrowException) as error:
            raise ValueError(f"{self.files[file]}: row group {group} cannot be read: {error}") from error
        except MemoryError as error:
            raise ValueError(f"{self.files[file]}: row group {group} does not fit into memory") from error
        if len(cells) != (announced := self.metadata[file].row_group(group).num_rows):
            raise ValueError(f"{self.files[file]}: row group {group} has {len(cells):,} rows, not {announced:,}")
        return cells

    def _decode(self, cell: dict[str, Any] | None, file: int, row: int) -> npt.NDArray[np.uint8]:
        try:
            image: npt.NDArray[np.uint8] = read_squares([_encoded(cell)], self.image_size, self.decoder)[0]
            return image
        except Exception as error:  # decoders raise almost anything
            row_in_file = row - int(self.groups[self.groups[:, 1] == file][0, 0])
            path = f" ({cell['path']})" if cell and cell.get("path") else ""
            raise ValueError(
                f"{self.files[file]}: row {row_in_file:,}{path} cannot be read as an image: {error}"
            ) from error


def _encoded(cell: dict[str, Any] | None) -> bytes:
    if cell is None or cell["bytes"] is None:
        raise ValueError("there are no bytes")
    return bytes(cell["bytes"])


def find_parquet(root: Path) -> Path | None:
    """The folder of the parquet files: `root` or `root`/data; None if neither has any."""
    return next((folder for folder in (root, root / "data") if any(folder.glob("*.parquet"))), None)


def load_parquet(folder: Path, image_size: int, decoder: Decoder = "pillow") -> ImageDataset:
    """The data set `imagenet` from the parquet files in a folder, its images decoded whenever they are asked for.

    Rows are shuffled in a fixed random order, so that the first n are a sample of them all. Classes have the names that
    Hugging Face's `datasets` writes into the files, in the order of the first training file, or their numbers where it
    did not write them. A file that numbers the same names otherwise is read by its names. The identity of a
    split is that of its files by their names, see `file_identity`.

    Raises DataNotFoundError if files are missing, ValueError if pyarrow is, or if a file is not of this layout.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ValueError(
            f"the parquet files in {folder} need pyarrow: install this package with the extra imagenet, "
            "rethinking-generalization[imagenet]"
        )
    if image_size < 1:
        raise ValueError(f"image_size must be at least 1, got {image_size}")
    splits = {title: _files_of(folder, stems) for title, stems in _SPLITS.items()}
    missing = [f"{_SPLITS[title][0]}-*.parquet" for title, files in splits.items() if not files]
    for files in splits.values():
        _check_exports(files)
    missing += [name for files in splits.values() for name in _missing_shards(files)]
    if missing:
        raise data_not_found(
            "ImageNet as parquet",
            [folder],
            missing,
            "Hugging Face's imagenet-1k has them in its folder data, for those who accept its terms.",
        )
    reference = splits["training"][0]
    names = _class_names(_read_labels(reference).metadata)
    train, test = (
        _read_split(files, f"folder-{purpose}", image_size, decoder, reference, names)
        for files, purpose in zip(splits.values(), ("train", "test"), strict=True)
    )
    names = names or tuple(str(label) for label in range(1 + int(max(train.labels.max(), test.labels.max()))))
    n = len(train.labels) + len(test.labels)
    return ImageDataset(
        name="imagenet",
        train=train,
        test=test,
        class_names=names,
        source=(
            f"{n:,} images in {len(names):,} classes read from parquet files in {folder}, "
            f"resized to {image_size} x {image_size}, split as in its files{decoder_note(decoder)}"
        ),
    )


def _files_of(folder: Path, stems: tuple[str, ...]) -> list[Path]:
    return next((files for stem in stems if (files := sorted(folder.glob(f"{stem}-*.parquet")))), [])


def _check_exports(files: list[Path]) -> None:
    """Raise ValueError for files of several exports side by side: their images would count more than once."""
    numbered = {path.name: match for path in files if (match := _SHARD.search(path.name))}
    totals = sorted({match[2] for match in numbered.values()}, key=int)
    advice = "keep the files of one and move the others away"
    if len(totals) > 1:
        of = ", ".join(f"of {int(total)}" for total in totals)
        raise ValueError(f"{files[0].parent}: the files {files[0].name} ... belong to several exports ({of}): {advice}")
    for path in files:
        if numbered and path.name not in numbered:
            raise ValueError(f"{path} lies beside numbered files such as {next(iter(numbered))}: {advice}")
    by_number: dict[int, str] = {}
    for name, match in numbered.items():
        other = by_number.setdefault(int(match[1]), name)
        if other != name:
            raise ValueError(f"{files[0].parent}: {other} and {name} have the same number {int(match[1])}: {advice}")


def _missing_shards(files: list[Path]) -> list[str]:
    """The names of the missing files: of the names -k-of-N each k below N must be there."""
    numbered = [(path.name, match) for path in files if (match := _SHARD.search(path.name))]
    if not numbered:
        return []
    name, match = numbered[0]
    stem, digits, total = name[: match.start()], len(match[1]), match[2]
    missing = sorted(set(range(int(total))) - {int(other[1]) for _, other in numbered})
    return [f"{stem}-{number:0{digits}}-of-{total}{'-*' if match[3] else ''}.parquet" for number in missing]


@dataclass(frozen=True)
class _Labels:
    """A file's metadata, the name of its column of images, and its labels."""

    metadata: Any
    column: str
    labels: npt.NDArray[np.int64]


def _read_split(
    files: list[Path], purpose: str, image_size: int, decoder: Decoder, reference: Path, names: tuple[str, ...]
) -> ImageSplit:
    """The split; its labels are numbers of `names`, the classes of the file `reference`."""
    labels, read, groups, first = [], [], [], 0
    for at, path in enumerate(files):
        file_labels = _read_labels(path)
        labels.append(_renumbered(path, file_labels, reference, names))
        read.append(file_labels)
        for group in range(file_labels.metadata.num_row_groups):
            groups.append((first, at, group))
            first += file_labels.metadata.row_group(group).num_rows
    columns = sorted({file_labels.column for file_labels in read})
    if len(columns) > 1:
        raise ValueError(f"{files[0].parent}: the images are in the columns {' and '.join(columns)} of different files")
    rows = fixed_order(first, purpose)
    identity = f"content of parquet files {file_identity((path.name, path) for path in files)}{decoder_note(decoder)}"
    images = ParquetImages(
        files=tuple(files),
        metadata=tuple(file_labels.metadata for file_labels in read),
        rows=rows,
        groups=np.array(groups, np.int64).reshape(-1, 3),
        column=columns[0],
        image_size=image_size,
        decoder=decoder,
    )
    return ImageSplit(images, np.concatenate(labels)[rows], identity)


def _read_labels(path: Path) -> _Labels:
    """Raises ValueError, naming the file, if it is not of the layout, and the row for one without label."""
    from pyarrow import ArrowException, parquet, types

    if not path.is_file():  # a pipe would hang
        raise ValueError(f"{path}: it is no regular file")
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            _require_moderate(file.metadata, path.stat().st_size)
            kinds = {name: str(schema.field(name).type) for name in schema.names}
            column = next((name for name in _COLUMNS if name in kinds), "")
            if not (
                {column, "label"} <= set(kinds)
                and types.is_integer(schema.field("label").type)
                and types.is_struct(schema.field(column).type)
                and schema.field(column).type.get_field_index("bytes") >= 0
            ):
                raise ValueError(f"not a struct column image with bytes and an integer column label, but {kinds}")
            labels = file.read(columns=["label"]).column("label")
            if labels.null_count:
                row = labels.is_null().to_pylist().index(True)
                raise ValueError(f"row {row:,} has no label ({labels.null_count:,} of {len(labels):,} rows)")
            return _Labels(file.metadata, column, labels.to_numpy().astype(np.int64))
    except (OSError, ArrowException, ValueError, MemoryError) as error:
        raise ValueError(f"{path}: {error}") from error


def _require_moderate(metadata: Any, size: int) -> None:
    """ValueError for a file that would take far more memory than it has bytes, such as labels of a run length."""
    if not 0 <= metadata.num_rows <= size:
        raise ValueError(f"it is said to have {metadata.num_rows:,} images in {size:,} bytes")
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        unpacked = group.total_byte_size  # to ask for its columns ends the process where their metadata are damaged
        if not 0 <= unpacked <= MOST_BYTES_OF_A_GROUP or not 0 <= group.num_rows <= metadata.num_rows:
            raise ValueError(
                f"row group {number} unpacks to {unpacked / 1e9:.1f} GB, more than the "
                f"{MOST_BYTES_OF_A_GROUP / 1e9:.0f} GB that are read at once: write it with smaller row groups"
            )


def _renumbered(path: Path, file_labels: _Labels, reference: Path, names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The file's labels as numbers of `names`. Raises ValueError if the two files' names do not fit together."""
    own = _class_names(file_labels.metadata)
    if bool(own) != bool(names):
        without, named = (path, reference) if names else (reference, path)
        raise ValueError(f"{without}: it does not name its classes, but {named} does: labels may mean different things")
    limit = len(own) if own else np.inf
    outside = np.flatnonzero((file_labels.labels < 0) | (file_labels.labels >= limit))
    if outside.size:
        classes = f"its classes are 0 .. {len(own) - 1}" if own else "labels count from 0"
        raise ValueError(f"{path}: row {outside[0]:,} has the label {file_labels.labels[outside[0]]}, but {classes}")
    if not own and len(file_labels.labels) and file_labels.labels.max() >= MOST_CLASSES:
        raise ValueError(
            f"{path}: row {file_labels.labels.argmax():,} has the label {file_labels.labels.max()}, more than "
            f"{MOST_CLASSES:,} classes"
        )
    if own == names:
        return file_labels.labels
    unknown = [name for name in own if name not in names]
    if unknown or len(set(own)) < len(own):
        what = (
            f"its classes {', '.join(unknown)} are not among those of {reference}" if unknown else "a name comes twice"
        )
        raise ValueError(f"{path}: {what}")
    return np.array([names.index(name) for name in own], np.int64)[file_labels.labels]


def _class_names(metadata: Any) -> tuple[str, ...]:
    """The class names that Hugging Face's `datasets` wrote into the metadata of a file; none if it did not."""
    try:
        written = json.loads((metadata.metadata or {})[b"huggingface"])
        return tuple(map(str, written["info"]["features"]["label"]["names"]))
    except (KeyError, TypeError, ValueError):
        return ()

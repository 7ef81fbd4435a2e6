"""Label noise: what replaces the labels of the training samples, as objects that answer for themselves.

| kind          | on the command line      | P(given b given clean a), a != b                     |
| ------------- | ------------------------ | ---------------------------------------------------- |
| none          | true-labels              | 0                                                    |
| uniform       | corrupted-P              | P/k: a class drawn uniformly from all (the paper's)  |
|               | random-labels            | 1/k: the same with P = 1                             |
| symmetric     | symmetric-P              | P/(k - 1): a class drawn uniformly from the others   |
| pair flip     | pair-flip-P              | P for b = a + 1 mod k, otherwise 0                   |
| transition    | transition:FILE          | the matrix in the file                               |
| labels        | labels:FILE              | the shares that the labels in the file have          |

A kind is a frozen dataclass and an entry of `KINDS`. Most kinds are a name, a spelling and a transition matrix: labels
are drawn from the matrix, and what copying the labels gives follows from it. Nobody else tells kinds apart: consumers
ask, above all for `uniform_level`, which is a number for the paper's kind of corruption and None for all others.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import numpy.typing as npt

from empirical.randomization.number_files import file_of, read_numbers
from theory.common.plain_numbers import plain_numbers
from theory.label_noise import (
    copying_accuracy,
    corrupt_labels,
    draw_labels,
    is_independent,
    label_distribution,
    memorised_accuracy,
    require_transition,
)

PRINTED = 0.01
"""The difference from 1 that the sum of a row in a file may have: ten probabilities to three digits are off by
0.005."""

Labels = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
Rows = tuple[tuple[float, ...], ...]
Counts = tuple[tuple[int, ...], ...]
_Number = TypeVar("_Number", int, float)
_Noise = TypeVar("_Noise", bound="LabelNoise")


class LabelNoise(ABC):
    """What replaces the labels of the training samples. Equal objects draw equal labels.

    Attributes:
        kind: its name in records; for most kinds also the word that begins its spelling.
        spellings: how the noise is typed, each spelling with its meaning, for the command line's help.
    """

    kind: ClassVar[str]
    spellings: ClassVar[Mapping[str, str]]

    @property
    @abstractmethod
    def name(self) -> str:
        """The name for tables, legends and directories."""

    @property
    @abstractmethod
    def option(self) -> str:
        """Its spelling on the command line: `parse_label_noise` is the inverse."""

    @classmethod
    @abstractmethod
    def parse(cls, word: str) -> "LabelNoise | None":
        """The noise with this spelling; None for a word of another kind. Raises ValueError for a wrong parameter."""

    @abstractmethod
    def transition(self, num_classes: int) -> Float64Array:
        """P, (k, k): row a is the distribution of the given label of a sample whose clean label is a.

        Raises ValueError for a number of classes that does not suit the noise.
        """

    @property
    def uniform_level(self) -> float | None:
        """p, if the noise is uniform corruption as in the paper, 0 for clean labels; None for every other kind."""
        return None

    def copying_accuracy(self, clean_accuracy: float, num_classes: int) -> float:
        """Expected test accuracy of a rule that copies one training label (`theory.label_noise.transition`).

        Arguments:
            clean_accuracy: accuracy of the same rule with clean labels, as a share.
        """
        return copying_accuracy(self.transition(num_classes), clean_accuracy)

    def is_independent(self, num_classes: int) -> bool:
        """Whether the given label says nothing of the clean one: test accuracy is then that of guessing."""
        return is_independent(self.transition(num_classes))

    def draw(self, labels: Labels, num_classes: int, seed: int) -> Labels:
        """The given labels of the training samples 0 .. n-1, int64 (n,): a function of its arguments alone.

        Arguments:
            labels: clean labels (n,), int64, in 0 .. num_classes - 1.
            seed: the seed of the noise's own stream.
        """
        return draw_labels(labels, self.transition(num_classes), seed, purpose=f"label-noise/{self.kind}")

    def check(self, labels: Labels, num_classes: int) -> None:
        """Raises ValueError unless the noise suits a whole training set of these clean labels."""
        require_transition(self.transition(num_classes), num_classes)

    def on(self, labels: Labels, num_classes: int) -> "LabelNoise":
        """The noise of the training samples 0 .. n-1, whose clean labels are given. Raises ValueError as `check`."""
        require_transition(self.transition(num_classes), num_classes)
        return self

    def record(self) -> Any:
        """The noise as records hold it, in JSON's types: `read_label_noise` is the inverse. It is part of a run's
        hash."""
        return {"kind": self.kind, **self.parameters()}

    def parameters(self) -> dict[str, Any]:
        """The parameters that tell the noise from others of its kind, in JSON's types."""
        return {}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        """The inverse of `parameters`."""
        return cls(**parameters)


@dataclass(frozen=True)
class NoNoise(LabelNoise):
    """The labels stay as they are."""

    kind: ClassVar[str] = "none"
    spellings: ClassVar[Mapping[str, str]] = {"true-labels": "labels and images as they are"}

    @property
    def name(self) -> str:
        """Its name."""
        return "true labels"

    @property
    def option(self) -> str:
        """Its spelling."""
        return "true-labels"

    @classmethod
    def parse(cls, word: str) -> "NoNoise | None":
        """The inverse of `option`."""
        return cls() if word == "true-labels" else None

    def transition(self, num_classes: int) -> Float64Array:
        """The identity."""
        return np.eye(num_classes)

    @property
    def uniform_level(self) -> float:
        """0."""
        return 0.0

    def copying_accuracy(self, clean_accuracy: float, num_classes: int) -> float:
        """The accuracy itself."""
        return clean_accuracy

    def draw(self, labels: Labels, num_classes: int, seed: int) -> Labels:
        """The labels themselves."""
        return labels

    def record(self) -> float:
        """The probability alone, since the first records knew no other kind."""
        return 0.0


@dataclass(frozen=True)
class _WithProbability(LabelNoise):
    """A kind of noise that has one parameter, and is spelled `kind-P`.

    Attributes:
        p: a probability above 0.
    """

    p: float

    def __post_init__(self) -> None:
        if not 0 < self.p <= 1:
            raise ValueError(
                f"{self.kind} label noise takes a probability p in 0 .. 1, above 0, got {self.p}; without noise the "
                "test is true-labels"
            )
        object.__setattr__(self, "p", float(self.p))  # 1 and 1.0 are the same noise, and have the same hash

    @property
    def option(self) -> str:
        """Its spelling, every digit of p included."""
        return f"{self.kind}-{self.p!r}"

    @classmethod
    def parse(cls, word: str) -> LabelNoise | None:
        """The inverse of `option`."""
        probability = _probability(word, cls.kind)
        return None if probability is None else cls(probability)

    def parameters(self) -> dict[str, Any]:
        """The probability."""
        return {"p": self.p}


@plain_numbers
@dataclass(frozen=True)
class Uniform(_WithProbability):
    """The paper's: with probability p a label is replaced by a class drawn uniformly from all, the old one included."""

    kind: ClassVar[str] = "corrupted"
    spellings: ClassVar[Mapping[str, str]] = {
        "corrupted-P": "with probability P a label is replaced by a class drawn uniformly from all",
        "random-labels": "corrupted-1",
    }

    @property
    def name(self) -> str:
        """Its name."""
        return "random labels" if self.p == 1 else f"corrupted labels, p = {self.p:g}"

    @property
    def option(self) -> str:
        """Its spelling."""
        return "random-labels" if self.p == 1 else super().option

    @classmethod
    def parse(cls, word: str) -> LabelNoise | None:
        """The inverse of `option`; corrupted-0 is no noise."""
        probability = 1.0 if word == "random-labels" else _probability(word, cls.kind)
        return None if probability is None else uniform(probability)

    def transition(self, num_classes: int) -> Float64Array:
        """(1 - p) I + p/k."""
        return label_distribution(self.p, num_classes)

    @property
    def uniform_level(self) -> float:
        """The probability p."""
        return self.p

    def copying_accuracy(self, clean_accuracy: float, num_classes: int) -> float:
        """(1 - p) A + p/k."""
        return memorised_accuracy(clean_accuracy, self.p, 1 / num_classes)

    def draw(self, labels: Labels, num_classes: int, seed: int) -> Labels:
        """Draw from the stream of the paper's tests."""
        return corrupt_labels(labels, num_classes, self.p, seed)

    def record(self) -> float:
        """The probability alone, since the first records knew no other kind."""
        return self.p


def uniform(p: float) -> LabelNoise:
    """Uniform corruption with probability p in 0 .. 1; p = 0 is no noise."""
    return NoNoise() if p == 0 else Uniform(p)


@plain_numbers
@dataclass(frozen=True)
class Symmetric(_WithProbability):
    """With probability p a label is replaced by a class drawn uniformly from the others."""

    kind: ClassVar[str] = "symmetric"
    spellings: ClassVar[Mapping[str, str]] = {
        "symmetric-P": "with probability P a label is replaced by a class drawn uniformly from the others"
    }

    @property
    def name(self) -> str:
        """Its name."""
        return f"symmetric noise, p = {self.p:g}"

    def transition(self, num_classes: int) -> Float64Array:
        """1 - p on the diagonal and p/(k - 1) off it."""
        _require_two_classes(self, num_classes)
        matrix = np.full((num_classes, num_classes), self.p / (num_classes - 1))
        np.fill_diagonal(matrix, 1 - self.p)
        return matrix


@plain_numbers
@dataclass(frozen=True)
class PairFlip(_WithProbability):
    """With probability p a label y is replaced by y + 1 mod k."""

    kind: ClassVar[str] = "pair-flip"
    spellings: ClassVar[Mapping[str, str]] = {
        "pair-flip-P": "with probability P label y is replaced by y + 1, the last by 0"
    }

    @property
    def name(self) -> str:
        """Its name."""
        return f"pair flip, p = {self.p:g}"

    def transition(self, num_classes: int) -> Float64Array:
        """1 - p on the diagonal and p to the right of it, cyclically."""
        _require_two_classes(self, num_classes)
        identity = np.eye(num_classes)
        return (1 - self.p) * identity + self.p * np.roll(identity, 1, axis=1)


@dataclass(frozen=True)
class Transition(LabelNoise):
    """Labels are drawn from the rows of a given matrix. The matrix is its identity, wherever it came from.

    Attributes:
        rows: P, row by row.
        path: the file that held it; "" where there was none.
    """

    kind: ClassVar[str] = "transition"
    spellings: ClassVar[Mapping[str, str]] = {
        "transition:FILE": "labels are drawn by a matrix P(given | clean), (k, k), from a .npy, .csv, .txt or .json"
    }

    rows: Rows
    path: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        require_transition(_matrix(self.rows))

    @property
    def name(self) -> str:
        """Its name, with the first digits of a digest of the matrix."""
        return f"transition matrix {_digest(_matrix(self.rows))[:8]}"

    @property
    def option(self) -> str:
        """Its spelling, or the name of the file that it lacks."""
        return f"{self.kind}:{self.path or 'FILE'}"

    @classmethod
    def parse(cls, word: str) -> "Transition | None":
        """The inverse of `option`, while the file holds the matrix."""
        return _from_file(word, cls.kind, cls.read)

    @classmethod
    def read(cls, path: str | Path) -> "Transition":
        """The matrix in a file; rows that sum to 1 up to `PRINTED`, as printed decimals do, are divided by their sums.

        Raises ValueError for what is no transition matrix, OSError for a file that cannot be read.
        """
        matrix = read_numbers(path).astype(np.float64)
        sums = matrix.sum(axis=-1, keepdims=True)
        matrix = matrix / sums if matrix.ndim == 2 and (np.abs(sums - 1) <= PRINTED).all() else matrix
        try:
            require_transition(matrix)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return cls(_tuples(matrix.tolist()), str(path))

    def transition(self, num_classes: int) -> Float64Array:
        """The matrix."""
        matrix = _matrix(self.rows)
        require_transition(matrix, num_classes)
        return matrix

    def parameters(self) -> dict[str, Any]:
        """The matrix."""
        return {"rows": [list(row) for row in self.rows]}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> "Transition":
        """The inverse of `parameters`."""
        return cls(_tuples(parameters["rows"]))


@dataclass(frozen=True)
class GivenLabels(LabelNoise):
    """Labels that somebody gave the training samples, such as human annotators. The labels are its identity.

    As read it holds the labels of a whole training set; `on` takes it to the samples of a run and compares it with
    their clean labels. A record holds the digest and what the comparison gave, not the labels: from a record alone no
    labels can be drawn.

    Attributes:
        digest: SHA-256 of the labels, int64 and little-endian, in hexadecimal.
        counts: how many samples of class a (row) were given label b (column); () before `on`.
        labels: int64 (n,), in the order of the data set; None in what was read from a record.
        path: the file that held them; "" where there was none.
    """

    kind: ClassVar[str] = "labels"
    spellings: ClassVar[Mapping[str, str]] = {
        "labels:FILE": "labels of your own, one for each training sample in their order, from such a file",
        "labels:FILE.pt:NAME": "the same, from an array of that name in a file of torch's, as of CIFAR-10N",
    }

    digest: str
    counts: Counts = ()
    labels: Labels | None = field(default=None, compare=False, repr=False)
    path: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Its name, with the first digits of the digest."""
        return f"given labels {self.digest[:8]}"

    @property
    def option(self) -> str:
        """Its spelling, or the name of the file that it lacks."""
        return f"{self.kind}:{self.path or 'FILE'}"

    @classmethod
    def parse(cls, word: str) -> "GivenLabels | None":
        """The inverse of `option`, while the file holds the labels."""
        return _from_file(word, cls.kind, cls.read)

    @classmethod
    def of(cls, labels: npt.ArrayLike, path: str = "") -> "GivenLabels":
        """The noise of given labels of a training set, (n,) integers of at least 0. Raises ValueError for anything
        else."""
        numbers = np.asarray(labels)
        if numbers.ndim and sum(side > 1 for side in numbers.shape) <= 1:  # a row or a column
            numbers = numbers.reshape(-1)
        whole = numbers.astype(np.int64) if np.isfinite(numbers).all() else np.full(numbers.shape, -1)
        if numbers.ndim != 1 or not numbers.size or (whole != numbers).any() or whole.min() < 0:
            raise ValueError(
                f"labels (labels:FILE): {path or 'they'} must be one class number 0, 1, ... for each training sample, "
                f"got an array of shape {np.shape(labels)}"
                + (f" with values from {numbers.min():g} to {numbers.max():g}" if numbers.size else "")
            )
        return cls(_digest(whole), labels=whole, path=path)

    @classmethod
    def read(cls, path: str | Path) -> "GivenLabels":
        """The labels in a file. Raises ValueError for what `of` refuses, OSError for a file that cannot be read."""
        return cls.of(read_numbers(path), str(path))

    def transition(self, num_classes: int) -> Float64Array:
        """The shares of the labels given to each class; a class without samples keeps its label."""
        if not self.counts:
            raise ValueError(f"{self.name} are not compared with clean labels yet: call on(labels, num_classes)")
        counts = np.array(self.counts, dtype=np.float64)
        counts += np.diag(counts.sum(axis=1) == 0)
        shares: Float64Array = counts / counts.sum(axis=1, keepdims=True)
        require_transition(shares, num_classes)
        return shares

    def is_independent(self, num_classes: int) -> bool:
        """Given labels never are: equal shares in a sample would not make the labels independent of the images."""
        return False

    def draw(self, labels: Labels, num_classes: int, seed: int) -> Labels:
        """The first n of the labels, whatever the seed. Raises ValueError for too few labels, or some out of range."""
        noisy = self._require_labels()
        if len(noisy) < len(labels):
            raise ValueError(f"{self._source} contains {len(noisy):,} labels for {len(labels):,} training samples")
        if noisy.max() >= num_classes:
            at = int(noisy.argmax())
            raise ValueError(
                f"{self._source} has the label {noisy[at]} (sample {at}), but with {num_classes} classes labels are in "
                f"0 .. {num_classes - 1}"
            )
        return noisy[: len(labels)].copy()

    def check(self, labels: Labels, num_classes: int) -> None:
        """Raises ValueError unless there is one label in range for each sample of a whole training set."""
        noisy = self._require_labels()
        if len(noisy) != len(labels):
            raise ValueError(
                f"{self._source} holds {len(noisy):,} labels, and the data set {len(labels):,} training samples: give "
                "one label for each sample, in the order of the data set (--train-size takes the first of both)"
            )
        self.draw(labels, num_classes, 0)

    def on(self, labels: Labels, num_classes: int) -> "GivenLabels":
        """The first n of the labels, beside the clean ones. Raises ValueError as `draw`."""
        noisy = self.draw(labels, num_classes, 0)
        counts = np.bincount(labels * num_classes + noisy, minlength=num_classes**2).reshape(num_classes, num_classes)
        return replace(self, digest=_digest(noisy), counts=_tuples(counts.tolist()), labels=noisy)

    def parameters(self) -> dict[str, Any]:
        """The digest, and the counts."""
        return {"digest": self.digest, "counts": [list(row) for row in self.counts]}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> "GivenLabels":
        """The inverse of `parameters`, but for the labels."""
        return cls(parameters["digest"], _tuples(parameters["counts"]))

    def _require_labels(self) -> Labels:
        if self.labels is None:
            raise ValueError(f"{self.name} were read from a record, which does not hold them: read their file again")
        return self.labels

    @property
    def _source(self) -> str:
        return f"labels (labels:FILE): {self.path or 'the array'}"


KINDS: tuple[type[LabelNoise], ...] = (NoNoise, Uniform, Symmetric, PairFlip, Transition, GivenLabels)
"""All kinds of label noise."""


def parse_label_noise(word: str) -> LabelNoise | None:
    """The label noise with this spelling on the command line; None if no kind has it.

    Raises ValueError, saying what is wrong, for a kind with a wrong parameter; OSError for a file that cannot be read.
    """
    return next((noise for kind in KINDS if (noise := kind.parse(word)) is not None), None)


def read_label_noise(content: Any) -> LabelNoise:
    """The label noise that a record holds (`LabelNoise.record`). Raises ValueError for an unknown kind."""
    if isinstance(content, int | float):
        return uniform(content)
    parameters = dict(content)
    name = parameters.pop("kind")
    for kind in KINDS:
        if kind.kind == name:
            return kind.from_parameters(parameters)
    raise ValueError(f"unknown kind of label noise {name!r}: the record is of a newer version")


def _probability(word: str, kind: str) -> float | None:
    """The probability P of `kind-P`; None for another word. Raises ValueError if P is not a probability."""
    if not word.startswith(f"{kind}-"):
        return None
    number = word.removeprefix(f"{kind}-")
    try:
        p = float(number)
    except ValueError:
        p = float("nan")
    if not 0 <= p <= 1:
        raise ValueError(f"test (--tests): {kind}-P takes a probability P in 0 .. 1, got {number!r}")
    return p


def _from_file(word: str, kind: str, read: Callable[[str], _Noise]) -> _Noise | None:
    """The file that `kind:FILE` names; None for another word."""
    if not word.startswith(f"{kind}:"):
        return None
    path = word.removeprefix(f"{kind}:")
    if not file_of(path).is_file():
        raise ValueError(f"test (--tests): {kind}:FILE takes a file, and there is none called {path!r}")
    return read(path)


def _require_two_classes(noise: LabelNoise, num_classes: int) -> None:
    if num_classes < 2:
        raise ValueError(f"{noise.name}: another class takes at least 2 classes, got {num_classes}")


def _matrix(rows: Rows) -> Float64Array:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise ValueError(f"a transition matrix is square, (k, k), got rows of {', '.join(map(str, sorted(lengths)))}")
    return np.array(rows, dtype=np.float64)


def _tuples(rows: Iterable[Iterable[_Number]]) -> tuple[tuple[_Number, ...], ...]:
    return tuple(tuple(row) for row in rows)


def _digest(array: npt.NDArray[Any]) -> str:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return hashlib.sha256(little.tobytes()).hexdigest()

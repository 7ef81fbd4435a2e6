"""Streams of randomness: one for each purpose, addressable by sample, the same for ever.

Every random choice of this project is a pure function of (seed, purpose) or of (seed, purpose, sample).
The seed and the name of the purpose are hashed to the 128-bit key of a Philox generator (Salmon et al., "Parallel
random numbers: as easy as 1, 2, 3", SC 2011), a counter-based generator: its i-th block of output is a
function of the key and i alone. So

* two purposes never share randomness, whatever the order in which they draw;
* the words of sample i can be computed without those of the samples before it, identically in any order,
  on any worker;
* the results are stable over versions: NumPy guarantees the raw output of its bit generators (NEP 19),
  though not what its `Generator` methods make of it. For anything that defines an experiment use `words` and
  `uniforms`; `generator` is for the rest (instances to check a theorem on).
"""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.common.plain_numbers import plain_numbers

_WORDS_PER_BLOCK = 4  # Philox4x64 makes four 64-bit words from one value of its counter


@plain_numbers
def stream_key(seed: int, purpose: str) -> int:
    """The 128-bit key of the stream of `purpose` under `seed`: the first half of SHA-256 of both.

    Raises ValueError for a negative seed.
    """
    if seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed}")
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:16], "little")


@plain_numbers
def generator(seed: int, purpose: str) -> np.random.Generator:
    """A NumPy generator for (seed, purpose). Its methods may change between NumPy versions."""
    return np.random.Generator(np.random.Philox(key=stream_key(seed, purpose)))


@plain_numbers
def torch_seed(seed: int, purpose: str) -> int:
    """A 63-bit seed for torch's generators, from (seed, purpose)."""
    return stream_key(seed, purpose) % 2**63


@plain_numbers
def words(seed: int, purpose: str, samples: npt.ArrayLike, count: int) -> npt.NDArray[np.uint64]:
    """The first `count` random 64-bit words of each sample.

    Arguments:
        seed, purpose: name the stream.
        samples: indices of the samples, any integers >= 0 in any order, shape (n,).
        count: words for each sample, at least 1. Part of the stream's definition: another count is another stream.

    Returns an array (n, count), uint64; row r depends on (seed, purpose, samples[r], count) alone.
    Raises ValueError for negative indices or a count below 1.
    """
    samples = np.asarray(samples, dtype=np.int64)
    if samples.ndim != 1 or (samples.size and samples.min() < 0):
        raise ValueError("samples must be a vector of non-negative indices")
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    key = stream_key(seed, purpose)
    blocks = -(-count // _WORDS_PER_BLOCK)  # a sample starts on a block of its own
    out = np.empty((len(samples), count), dtype=np.uint64)
    # Runs of consecutive samples are drawn in one call: an epoch in order is a single run.
    breaks = np.flatnonzero(np.diff(samples) != 1) + 1
    for start, stop in zip([0, *breaks], [*breaks, len(samples)], strict=True):
        if start == stop:
            continue
        stream = np.random.Philox(key=key, counter=int(samples[start]) * blocks)
        raw: Any = stream.random_raw((stop - start) * blocks * _WORDS_PER_BLOCK)
        out[start:stop] = raw.reshape(stop - start, -1)[:, :count]
    return out


def uniforms(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Maps 64-bit words to the 2^53 equally spaced numbers in [0, 1), exactly."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


@plain_numbers
def uniform_integers(bits: npt.NDArray[np.uint64], bound: int) -> npt.NDArray[np.int64]:
    """Maps 64-bit words to integers uniform on 0 .. bound-1.

    floor(u * bound) with u of 53 bits: a value gets the multiples of 2^-53 in an interval of length 1 / bound, give
    or take one at each end, where products round: no probability is off by more than 2^-52. The product cannot
    round up to `bound`: 1 - u >= 2^-53, so it stays at least half a spacing below, and a tie rounds to even only
    where the spacing halves. Raises ValueError for a bound outside 1 .. 2^31.
    """
    if not 1 <= bound <= 2**31:
        raise ValueError(f"bound must be in 1 .. 2^31, got {bound}")
    return (uniforms(bits) * bound).astype(np.int64)


def normals(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Standard normal numbers by Box and Muller's transform (1958): two from each pair of words.

    `bits` has shape (..., 2m); the result the same. log and cos may differ in the last place between machines:
    round to float32 before taking a digest.
    """
    pairs = uniforms(bits).reshape(*bits.shape[:-1], bits.shape[-1] // 2, 2)
    radius = np.sqrt(-2.0 * np.log1p(-pairs[..., 0]))  # 1 - u lies in (0, 1]: never log 0
    angle = 2.0 * np.pi * pairs[..., 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(bits.shape)

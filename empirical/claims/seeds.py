"""The seeds of runs, in words that stay short however many there are."""

from collections.abc import Collection, Iterable
from itertools import groupby

_STRETCH, _PARTS = 5, 12


def seeds_in_words(seeds: Iterable[int]) -> str:
    """`seed 0`, `seeds 0, 1, 2`, `seeds 0 to 999`: the word, and `numbers_in_words`."""
    numbers = set(seeds)
    return f"seed{'s' * (len(numbers) > 1)} {numbers_in_words(numbers)}"


def numbers_range(numbers: Collection[float]) -> str:
    """`5`, or `5 to 1,000`: the least and the largest."""
    ends = dict.fromkeys(f"{number:,}" for number in (min(numbers), max(numbers)))
    return " to ".join(ends)


def numbers_in_words(numbers: Iterable[int]) -> str:
    """`0`, `0, 1, 2`, `0 to 999`: five or more numbers that follow each other are named by the first and the last.

    Where that leaves many parts, the first three and the last are named, and how many numbers there are.
    """
    ordered = sorted(set(numbers))
    parts: list[str] = []
    for _, group in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        stretch = [number for _, number in group]
        if len(stretch) >= _STRETCH:
            parts.append(f"{stretch[0]:,} to {stretch[-1]:,}")
        else:
            parts += [str(number) for number in stretch]
    if len(parts) > _PARTS:
        parts = [*parts[:3], "...", f"{parts[-1]} ({len(ordered):,} of them)"]
    return ", ".join(parts)

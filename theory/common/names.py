"""What to say about an unknown name."""

import difflib
from collections.abc import Iterable


def nearest_name(name: str, choices: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest known name, if one is near, and all known names."""
    names = list(choices)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown name {name!r}: {hint}known: {', '.join(names)}"

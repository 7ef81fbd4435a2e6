"""Names: what to say about an unknown one, and how one is spelled in the name of a file."""

import difflib
import re
from collections.abc import Iterable


def nearest_name(name: str, choices: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest known name, if one is near, and all known names."""
    names = list(choices)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown name {name!r}: {hint}known: {', '.join(names)}"


def hyphenated(name: str) -> str:
    """Lower case, and a hyphen for whatever lies between letters, digits and points."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")

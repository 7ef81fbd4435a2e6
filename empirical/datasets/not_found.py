"""The error for missing data: where it was looked for, what is missing, how to get it."""

from collections.abc import Iterable
from pathlib import Path


class DataNotFoundError(FileNotFoundError):
    """The files of a data set were not found."""


def data_not_found(title: str, looked_in: Iterable[Path], missing: Iterable[str], how_to_get: str) -> DataNotFoundError:
    """Make a `DataNotFoundError` that says all a user needs to put it right.

    Arguments:
        title: the data set, as a reader would name it.
        looked_in: the directories that were searched.
        missing: the files that these directories lack.
        how_to_get: how to get it.
    """
    places = "\n             ".join(str(place.absolute()) for place in looked_in)
    return DataNotFoundError(
        f"{title} was not found.\n  Looked in: {places}\n  Missing:   {', '.join(missing)}\n  To get it: {how_to_get}"
    )

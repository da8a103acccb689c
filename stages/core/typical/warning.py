"""What is told of a picture that is unlike training."""

from typing import NamedTuple


class Warning(NamedTuple):  # noqa: A001 - what it is; nobody here means Python's
    """Why an answer may not be trusted: one stable word, and a plain sentence with its numbers."""

    kind: str
    text: str

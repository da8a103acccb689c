"""Files that name the class of the picture beside them, as WebDataset's archives have them.

0001.jpg is of the class that 0001.cls holds as text, or 0001.json under one of LABEL_KEYS.
"""

from collections.abc import Callable
from typing import NoReturn

from pydantic_core import from_json

from secondlook.config.errors import DataError
from secondlook.data.splitting import is_plain_text, normalize_name

LABEL_SUFFIXES = (".cls", ".json")
LABEL_KEYS = ("label", "cls", "class")  # of a .json; the first that is there counts
MAX_LABEL_BYTES = 2**20


class SampleLabels:
    """The classes of pictures by the ids of the files beside them.

    names: the ids of all files with a label's suffix; `read` gives so many bytes of one.
    """

    def __init__(self, names: set[str], read: Callable[[str, int], bytes]) -> None:
        self._names, self._read = names, read

    def are_used(self, pictures: list[str]) -> bool:
        """Return whether classes are told so: any .cls beside a picture, or a .json with a class.

        Many have a .json that says other things: the first one decides.
        """
        beside = [name for picture in pictures for name in self._find_beside(picture)]
        described = next((name for name in beside if name.endswith(".json")), None)
        if any(name.endswith(".cls") for name in beside):
            return True
        try:
            return described is not None and self._parse_json(described) is not None
        except DataError:  # it says something else, or nothing: a class is told by the folder
            return False

    def read_label(self, picture: str) -> str | None:
        """Return the class of a picture; None of a further one of a sample: 0001.mask.png.

        Raises DataError where nothing names it, or not in a way that can be meant.
        """
        beside = self._find_beside(picture)
        if not beside:
            sample = _cut_suffix(picture, first=True)
            if any(sample + suffix in self._names for suffix in LABEL_SUFFIXES):
                return None
            raise DataError(
                f"{picture}: neither {_cut_suffix(picture)}.cls nor .json names its class, as "
                "other pictures have it; add it, or take the picture out"
            )
        found = self._parse_text(beside[0]) if beside[0].endswith(".cls") else None
        label = found if found is not None else self._parse_json(beside[0])
        if label is None:
            self._refuse(beside[0], f"none of the keys {', '.join(LABEL_KEYS)}")
        return label

    def _find_beside(self, picture: str) -> list[str]:
        """Return the files that may name a picture's class, that which counts first."""
        named = (_cut_suffix(picture) + suffix for suffix in LABEL_SUFFIXES)
        return [name for name in named if name in self._names]

    def _parse_text(self, name: str) -> str:
        try:
            text = self._read(name, MAX_LABEL_BYTES).decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            self._refuse(name, "no UTF-8")
        return self._check_label(name, text)

    def _parse_json(self, name: str) -> str | None:
        """Return the class in a .json; None where it has none of the keys."""
        try:
            told = from_json(self._read(name, MAX_LABEL_BYTES))
        except ValueError:
            self._refuse(name, "no JSON")
        found = [told[key] for key in LABEL_KEYS if key in told] if isinstance(told, dict) else []
        if not found:
            return None
        whole = type(found[0]) is int
        return self._check_label(name, str(found[0]) if whole else found[0])

    def _check_label(self, name: str, label: object) -> str:
        if not isinstance(label, str) or not label.strip() or not is_plain_text(label.strip()):
            self._refuse(name, f"{str(label)[:40]!r}")
        return normalize_name(label.strip())

    def _refuse(self, name: str, found: str) -> NoReturn:
        raise DataError(
            f"{name}: found {found}; expected the name or the whole number of a class, as text in "
            f"a .cls, or under {' or '.join(LABEL_KEYS)} in a .json"
        )


def _cut_suffix(name: str, *, first: bool = False) -> str:
    """Return a name without what follows its last dot, or its first."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + (file.partition(".")[0] if first else file.rpartition(".")[0] or file)

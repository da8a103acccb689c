"""Where the files of a network lie that is to answer about pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stages.core import files

Invert = Literal["never", "auto", "always"]
OPERATING = "operating.json"


@dataclass(frozen=True)
class Parts:
    """The folder of a network, what is known of its data, and where a yes begins; its name."""

    name: str
    network: Path
    facts: Path
    operating: Path

    @classmethod
    def of_run(cls, name: str) -> "Parts":
        """Return the parts of a run in the workspace."""
        facts = files.folder("preprocess") / "facts.json"
        operating = files.folder("evaluate", name, OPERATING)
        return cls(name, files.folder("train", name), facts, operating)

    @classmethod
    def together(cls, folder: Path, name: str) -> "Parts":
        """Return the parts that lie in one folder, as in a model of MLflow."""
        return cls(name, folder, folder / "facts.json", folder / OPERATING)

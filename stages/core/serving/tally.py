"""How many pictures were answered, and how unlike the training data they are as a whole."""

from dataclasses import dataclass

from stages.core.serving.answer import Answer, Refused
from stages.core.typical.shift import Shift


@dataclass
class Tally:
    """Counts, picture by picture."""

    shift: Shift
    answered: int = 0
    warned: int = 0
    refused: int = 0

    def add(self, said: Answer | Refused) -> None:
        """Count one picture."""
        if isinstance(said, Refused):
            self.refused += 1
            return
        self.answered += 1
        self.warned += bool(said.warnings)
        self.shift.add(said.likeness)

    @property
    def status(self) -> int:
        """Return the exit status: 0 for all answered, 1 for some, 2 for none."""
        return 0 if not self.refused else 1 if self.answered else 2

    @property
    def pictures(self) -> int:
        """Return how many there were."""
        return self.answered + self.refused

    @property
    def lines(self) -> list[str]:
        """Return what a person reads at the end."""
        told = f"{self.answered} of {self.pictures} pictures answered"
        if self.warned:
            told += f", {self.warned} of them with warnings"
        return [told, *self.shift.lines]

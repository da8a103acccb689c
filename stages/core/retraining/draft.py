"""The record of a retraining while it goes on: whatever goes wrong, what is known is kept."""

import time
from dataclasses import dataclass, field, fields

from stages.core.outputs.records import Number
from stages.core.outputs.retrainings import Check, Images, Model, Retraining
from stages.core.retraining.lock import now


@dataclass
class Draft:
    """What is known of a retraining so far; see `Retraining`. `force`: train everything again."""

    action: str
    model: str
    force: bool = False
    service: Model | None = None
    before: Model | None = None
    challenger: Model | None = None
    data: Images | None = None
    data_checks: list[Check] = field(default_factory=list)
    gate: list[Check] = field(default_factory=list)
    metrics: dict[str, Number] = field(default_factory=dict)
    judged: int | None = None
    state: str | None = None
    retraining: str | None = None
    begun: float = field(default_factory=time.monotonic)

    def ended(self, outcome: str, reason: str) -> Retraining:
        """Return the record of it, as of now."""
        seconds = round(time.monotonic() - self.begun, 1)
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        del known["begun"], known["force"]
        return Retraining(time=now(), outcome=outcome, reason=reason, seconds=seconds, **known)

"""The record of a retraining as people read it: on stderr, in a log, as a note in MLflow."""

import re
from collections.abc import Iterator

from stages.core.outputs.retrainings import Check, Model, Retraining


def lines(record: Retraining) -> Iterator[str]:
    """Yield the record line by line, what came of it first."""
    yield f"{record.action}: {record.outcome}: {record.reason}"
    if record.service is not None:
        yield f"  in service: {model(record.service)}{_before(record)}"
    if record.challenger not in (None, record.service):
        yield f"  challenger: {model(record.challenger)}"
    if record.data is not None:
        yield f"  data: {data(record)}"
    yield from (f"  {_row(check)}" for check in (*record.data_checks, *record.gate))
    if record.retraining is not None:
        yield f"  record: MLflow run {record.retraining}"


def note(record: Retraining) -> str:
    """Return the record as Markdown with links to runs, for the page of its MLflow run."""
    first, *rest = lines(record)
    text = "\n".join([f"**{first}**", "", *(f"-{line[1:]}" for line in rest)])
    return re.sub(r"\brun ([0-9a-f]{32})\b", r"run [\1](#/runs/\1)", text)


def model(found: Model) -> str:
    """Return which model it is: its name, version and MLflow run."""
    version = f"version {found.version}, " if found.version else ""
    return f"{found.name} ({version}run {found.run})"


def data(record: Retraining) -> str:
    """Return how many images there are, and how many are new and gone; nothing where unknown."""
    found = record.data
    if found is None:
        return ""
    moved = "" if found.added is None else f", {found.added} new, {found.removed} gone"
    return f"{found.images} images{moved}"


def plain(metric: str) -> str:
    """Return a metric's name as people write it."""
    return metric.replace("_", " ")


def _before(record: Retraining) -> str:
    if record.before is None or record.before == record.service:
        return ""
    return f"; before: {model(record.before)}"


def _row(check: Check) -> str:
    return f"{'passed' if check.passed else 'FAILED'}  {check.told}"

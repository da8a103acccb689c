"""`make bench`, or `python -m tests.bench [name ...]`: how fast, against what, is it enough.

Each measure stands in a file of its own, which says what is compared with what. What is compared
runs in turns, several times, so that the ratios hold on a machine that others use too. Prints one
table and writes bench.json; a missed target is told there, and is no error.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import (
    decoding,
    epoch,
    kills,
    memory,
    million,
    no_op,
    predicting,
    repro,
    saving,
    training,
    unlike,
)
from tests.bench.lines import Line
from tests.bench.turns import Apart

MEASURES: dict[str, Callable[[Path], list[Line]]] = {
    "repro": repro.measure,
    "training": training.measure,
    "epoch": epoch.measure,
    "preprocess": decoding.measure,
    "memory": memory.measure,
    "million": million.measure,
    "no-op": no_op.measure,
    "kills": kills.measure,
    "saving": saving.measure,
    "unlike": unlike.measure,
    "predicting": predicting.measure,
}
RESULTS = Path("bench.json")
WIDTH = 130  # characters, where no terminal says


def main() -> None:
    """Take the measures named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(MEASURES))
    names = parser.parse_args().names or list(MEASURES)
    if unknown := set(names) - set(MEASURES):
        parser.error(f"no measure {min(unknown)!r}; expected some of {', '.join(MEASURES)}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # nothing but errors between the numbers
    results: dict[str, list[Line]] = {}
    for name in names:
        results[name] = taken(name)
        # One by one: who interrupts it keeps what there is.
        RESULTS.write_text(json.dumps(described(results), indent=2) + "\n", encoding="utf-8")
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(table(results))


def taken(name: str) -> list[Line]:
    """Take one measure, in a process and a folder of its own: the others leave it no traces."""
    print(f"bench: {name} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Apart() as process:
        return process.call(MEASURES[name], Path(folder))


def described(results: dict[str, list[Line]]) -> dict[str, object]:
    """Return the machine, and all lines of all measures, as JSON takes them."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    lines = {name: [line.described() for line in lines] for name, lines in results.items()}
    return {"machine": machine, "measures": lines}


def table(results: dict[str, list[Line]]) -> Table:
    """Return the lines as a person reads them."""
    table = Table("measure", "what", "median", "min .. max", "target", "")
    for name, lines in results.items():
        for line in lines:
            table.add_row(name, line.what, *line.cells())
        table.add_section()
    for column in table.columns[2:4]:
        column.justify = "right"
    return table


if __name__ == "__main__":
    main()

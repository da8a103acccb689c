"""`make bench`, or `python -m benchmarks [name ...]`: how fast, against what, is it enough.

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

from benchmarks import (
    checkpoint_cost,
    cluster_makespan,
    data_loaders,
    forty_runs,
    growth,
    kills,
    many_runs,
    million_predictions,
    no_op,
    ood_false_alarms,
    peak_memory,
    prediction_speed,
    preprocessing_speed,
    pretrained_speed,
    reading_speed,
    repro,
    scale,
    sweep_costs,
    sweep_selection,
    training_speed,
    verdicts,
)
from benchmarks.measuring import FreshProcess, Measurement

MEASURES: dict[str, Callable[[Path], list[Measurement]]] = {
    "repro": repro.measure,
    "many": many_runs.measure,
    "sweep": sweep_costs.measure,
    "training": training_speed.measure,
    "pretrained": pretrained_speed.measure,
    "epoch": data_loaders.measure,
    "preprocess": preprocessing_speed.measure,
    "memory": peak_memory.measure,
    "growth": growth.measure,
    "scale": scale.measure,
    "reading": reading_speed.measure,
    "million": million_predictions.measure,
    "forty": forty_runs.measure,
    "no-op": no_op.measure,
    "cluster": cluster_makespan.measure,
    "kills": kills.measure,
    "saving": checkpoint_cost.measure,
    "unlike": ood_false_alarms.measure,
    "predicting": prediction_speed.measure,
    "verdicts": verdicts.measure,
    "selection": sweep_selection.measure,
}
RESULTS = Path("bench.json")
WIDTH = 130  # characters, where no terminal says


def main() -> None:
    """Take the measures named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(MEASURES))
    names = parser.parse_args().names or list(MEASURES)
    if unknown := set(names) - set(MEASURES):
        parser.error(f"no measure {min(unknown)!r}; expected some of {', '.join(MEASURES)}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # nothing but errors between the numbers
    results: dict[str, list[Measurement]] = {}
    for name in names:
        results[name] = take_measure(name)
        # One by one: who interrupts it keeps what there is.
        RESULTS.write_text(json.dumps(make_record(results), indent=2) + "\n", encoding="utf-8")
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(make_table(results))


def take_measure(name: str) -> list[Measurement]:
    """Take one measure, in a process and a folder of its own: the others leave it no traces."""
    print(f"bench: {name} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, FreshProcess() as process:
        return process.call(MEASURES[name], Path(folder))


def make_record(results: dict[str, list[Measurement]]) -> dict[str, object]:
    """Return the machine, and all lines of all measures, as JSON takes them."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    lines = {name: [line.as_json() for line in lines] for name, lines in results.items()}
    return {"machine": machine, "measures": lines}


def make_table(results: dict[str, list[Measurement]]) -> Table:
    """Return the lines as a person reads them."""
    table = Table("measure", "what", "median", "min .. max", "target", "")
    for name, lines in results.items():
        for line in lines:
            table.add_row(name, line.what, *line.format_cells())
        table.add_section()
    for column in table.columns[2:4]:
        column.justify = "right"
    return table


if __name__ == "__main__":
    main()

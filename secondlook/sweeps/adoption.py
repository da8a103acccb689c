"""The best trial as ordinary entries of `runs:` in params.yaml, which keeps its comments.

Lines are put in after the last entry; no other line is touched. It becomes three runs with seeds
of their own: the trial's is left out, for with it the trial was also chosen by luck.
"""

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from secondlook.artifacts.files import write_atomically
from secondlook.config.errors import ParamsError
from secondlook.config.params import Params
from secondlook.config.yaml_files import format_yaml, load_yaml, parse_yaml
from secondlook.config.yaml_schema import PARAMS_FILE, validate_section
from secondlook.evaluation.sweep_results import SweepResult, TrialResult

SEEDS = 3
Entries = dict[str, dict[str, Any]]


def make_entries(params: Params, sweep: SweepResult) -> Entries:
    """Return the best trial as entries of `runs:`, one a seed; ParamsError where there is none."""
    best = next((trial for trial in sweep.trials if trial.name == sweep.best), None)
    if best is None:
        raise ParamsError(
            f"{PARAMS_FILE}: sweeps.{sweep.name}: no trial came to a number; expected one to adopt"
        )
    changes = _list_changes(params, sweep.of, best)
    seed = max(int(trial.parameters["seed"]) for trial in sweep.trials)
    return {
        f"{sweep.name}-seed-{number}": changes | {"seed": number}
        for number in range(seed + 1, seed + 1 + SEEDS)
    }


def _list_changes(params: Params, run: str, best: TrialResult) -> dict[str, Any]:
    """Return how a trial differs from `train`: what the run says that was varied, and the point."""
    keys = [*params.runs[run], *(name.partition(".")[0] for name in best.point)]
    return {key: best.parameters[key] for key in dict.fromkeys(keys) if key in best.parameters}


def add_runs(entries: Entries, told: str) -> list[str]:
    """Write entries into `runs:` of params.yaml; return the names of those that were not there.

    told: a comment on the first of them. Raises ParamsError where other entries have their names,
    or `runs:` has another form than one entry after the other.
    """
    text = PARAMS_FILE.read_bytes().decode()  # with the line ends that it has
    before = load_yaml(PARAMS_FILE)
    new = {name: entry for name, entry in entries.items() if name not in before["runs"]}
    for name in entries.keys() - new.keys():
        if before["runs"][name] != entries[name]:
            raise ParamsError(
                f"{PARAMS_FILE}: runs.{name}: found other parameters than those of the best trial; "
                "rename or remove that entry"
            )
    if new:
        changed = _insert_lines(text, new, told)
        expected = before | {"runs": before["runs"] | new}
        if changed is None or parse_yaml(changed) != expected:
            block = format_yaml({"runs": new}, plain=True)
            raise ParamsError(
                f"{PARAMS_FILE}: runs: found another form than one entry a line, nothing was "
                f"written; put in by hand:\n{block}"
            )
        validate_section(Params, parse_yaml(changed, spelled=True))
        write_atomically(PARAMS_FILE, [changed.encode()])
    return list(new)


def _insert_lines(text: str, new: Mapping[str, Any], told: str) -> str | None:
    """Return the text with entries after the last one of `runs:`; None where they have no lines."""
    root = YAML(pure=True).compose(text)
    runs = next((value for key, value in root.value if key.value == "runs"), None)
    if not isinstance(runs, MappingNode) or runs.flow_style or not runs.value:
        return None
    indent, end = " " * runs.value[0][0].start_mark.column, "\r\n" if "\r\n" in text else "\n"
    written = format_yaml(new, plain=True).splitlines()
    lines, place = text.splitlines(keepends=True), _find_last_line(runs) + 1
    if not lines[place - 1].endswith("\n"):
        lines[place - 1] += end
    added = [f"{indent}# {told}{end}", *(f"{indent}{line}{end}" for line in written)]
    return "".join([*lines[:place], *added, *lines[place:]])


def _find_last_line(node: Node) -> int:
    """Return the number (from 0) of the last line on which a value stands.

    The end of a block is where the next one begins: comments between would belong to it.
    """
    parts = node.value if isinstance(node.value, list) else []
    inner = [part for each in parts for part in (each if isinstance(each, tuple) else (each,))]
    if not inner or (isinstance(node, CollectionNode) and node.flow_style):
        return int(node.end_mark.line)
    return max(_find_last_line(part) for part in inner)

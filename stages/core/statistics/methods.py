"""Which runs are one method with several seeds, and which methods differ in one respect alone."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from stages.core.outputs.results import Result

Method = list[Result]


def grouped(found: Sequence[Result]) -> list[Method]:
    """Return runs whose parameters differ in nothing but `seed` together, in their order.

    The same run again, seed and all, tells nothing of the spread over seeds: it stands alone.
    """
    groups: dict[tuple[str, int], Method] = {}
    times: Counter[str] = Counter()
    for result in found:
        groups.setdefault((_key(result, "seed"), times[_key(result)]), []).append(result)
        times[_key(result)] += 1
    return list(groups.values())


def differing(groups: Sequence[Method], key: str) -> list[tuple[str, str]]:
    """Return names of methods that differ in one parameter alone: null, and anything else."""
    return [
        (without[0].name, having[0].name)
        for without in groups
        for having in groups
        if without[0].training.parameters[key] is None
        if having[0].training.parameters[key] is not None
        if _key(without[0], "seed", key) == _key(having[0], "seed", key)
    ]


def ranking(groups: Sequence[Method]) -> list[str]:
    """Return names of methods, the highest F1 on validation (mean over seeds) first.

    Validation ranks, so that test stays an unused judge; methods that are level keep their order.
    """
    return [group[0].name for group in sorted(groups, key=lambda group: -_f1(group))]


def _f1(method: Method) -> float:
    return sum(result.metrics["validation"].f1 or 0.0 for result in method) / len(method)


def _key(result: Result, *ignored: str) -> str:
    parameters: dict[str, Any] = result.training.parameters
    kept = {key: value for key, value in parameters.items() if key not in ignored}
    return json.dumps(kept, sort_keys=True)

"""How long 100 and 200 runs take on 1, 4, 16 and 64 nodes: a simulation of measured costs.

No cluster is here to measure on. So the costs of one run on one node and those of home are measured
(cluster_costs.py), and a simulation lets many nodes share the remote, from event to event. It takes
for granted that the nodes are there, that none dies, and that each has as many cores to itself as
this machine. No target.
"""

from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.cluster_costs import Costs, measure_costs
from benchmarks.measuring import Measurement

NODES = (1, 4, 16, 64)  # with one run at a time each
SIZES = (100, 200)  # runs of a study
BANDWIDTH = 100e6  # bytes/s that the remote gives to all together: a line of 1 Gbit/s
WORKER = 2.0  # seconds that Ray takes to start a worker process, once a node
TINY = 1e-6  # seconds or bytes that are none


@dataclass
class Step:
    """What a node does next: seconds of its own, or bytes through the remote, which all share."""

    amount: float
    shared: bool = False


@dataclass(frozen=True)
class Makespan:
    """Seconds of home before the first task, of the nodes, and of home after the last task."""

    before: float
    nodes: float
    after: float

    @property
    def whole(self) -> float:
        """Return the seconds from beginning to end."""
        return self.before + self.nodes + self.after


def measure(folder: Path) -> list[Measurement]:
    """Measure the costs once, and let both studies be run by each number of nodes."""
    costs = measure_costs(folder)
    studies = {"default": costs, "long": make_long(costs)}
    lines = list_costs(costs)
    for name, study in studies.items():
        for runs in SIZES:
            found = {nodes: simulate_study(study, runs, nodes) for nodes in NODES}
            for nodes, told in found.items():
                what = f"{runs} {name} runs of {study.train:.0f} s, {nodes} nodes"
                lines.append(Measurement(what, [told.whole], "s", digits=0))
            home = found[NODES[-1]].before + found[NODES[-1]].after
            lines.append(Measurement("of that, home alone", [home], "s", digits=0))
    return lines


def make_long(costs: Costs) -> Costs:
    """Return the costs of a study of photographs, each run of which takes ten minutes on a GPU.

    It pulls 70,000 pictures of 70 x 70 in colour, and pushes networks of 10 million weights.
    """
    return replace(costs, train=600.0, array_bytes=1e9, run_bytes=50e6)


def list_costs(costs: Costs) -> list[Measurement]:
    """Return the lines of what was measured; of what grows with the study, that of 100 runs."""
    runs = SIZES[0]
    single = ("preprocess", "push_arrays", "bundle", "clone", "pull_cold", "imports", "train")
    growing = ("pull", "check", "push", "status", "collect", "finish")
    found = {name: getattr(costs, name) for name in single}
    found |= {f"{name}, {runs} runs": costs.compute_at(name, runs) for name in growing}
    return [Measurement(name, [seconds], "s") for name, seconds in found.items()]


def simulate_study(costs: Costs, runs: int, nodes: int) -> Makespan:
    """Return how long a study takes; each node has one run at a time."""
    before = 2 * costs.compute_at("status", runs) + costs.preprocess + costs.push_arrays
    before += costs.bundle + costs.array_bytes / BANDWIDTH
    after = costs.compute_at("collect", runs) + runs * costs.run_bytes / BANDWIDTH
    after += costs.compute_at("finish", runs)
    return Makespan(before, simulate_nodes(costs, runs, nodes), after)


def simulate_nodes(costs: Costs, runs: int, nodes: int) -> float:
    """Return when the last node ends: who has no step left begins the next run, if there is one."""
    waiting, now = runs, 0.0
    at_work = [deque(_list_first_steps(costs)) for _ in range(min(nodes, runs))]
    while at_work:
        for steps in at_work:
            if not steps and waiting:
                steps.extend(_list_steps(costs, runs))
                waiting -= 1
        at_work = [steps for steps in at_work if steps]
        now += _advance(at_work)
    return now


def _list_first_steps(costs: Costs) -> list[Step]:
    """Return what a node does once: its DVC cache is empty."""
    return [Step(WORKER + costs.pull_cold), Step(costs.array_bytes, shared=True)]


def _list_steps(costs: Costs, runs: int) -> list[Step]:
    """Return what a node does for each run."""
    grown = sum(costs.compute_at(name, runs) for name in ("pull", "check", "push"))
    return [Step(costs.clone + grown + costs.train), Step(costs.run_bytes, shared=True)]


def _advance(at_work: list[deque[Step]]) -> float:
    """Let time pass until the first step ends, and return how much."""
    sharing = sum(steps[0].shared for steps in at_work)
    speeds = [BANDWIDTH / sharing if steps[0].shared else 1.0 for steps in at_work]
    pairs = list(zip(at_work, speeds, strict=True))
    passed = min((steps[0].amount / speed for steps, speed in pairs), default=0.0)
    for steps, speed in pairs:
        steps[0].amount -= passed * speed
        if steps[0].amount <= TINY:
            steps.popleft()
    return passed

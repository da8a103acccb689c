"""Ray as an engine: tasks on the nodes of a cluster, their lines, and what becomes of them.

Ray core alone: a task a run, retried on another node where one dies. Another engine (Dask, SLURM)
would be one file like this, whose `open_...` gives a `submit`.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any

from secondlook.config.errors import SecondLookError
from secondlook.config.params import ClusterParams
from secondlook.scheduling import node
from secondlook.scheduling.node import Say, run_task
from secondlook.scheduling.ray_connection import (
    check_head,
    connect_ray,
    count_slots,
    describe_nodes,
    list_ray_errors,
    shorten_error,
)

Report = Mapping[str, Any]  # of node.run_task
Submit = Callable[[Mapping[str, Any], bytes, Say], "Future[Report]"]  # a task and its bundle
RETRIES = 3  # of a task whose node dies
POLL = 0.3  # seconds between two looks at what nodes have said
NODE_PATIENCE = 300.0  # seconds without any node that may run a task: Ray would wait for ever
HEAD_POLL = 5.0  # seconds between two looks for the head: Ray ends this process a minute after it


@contextmanager
def open_ray(address: str, wanted: ClusterParams) -> Iterator[tuple[Submit, str]]:
    """Give what submits a task to the cluster at an address, and what the cluster is, in words.

    Raises SecondLookError where `connect_ray` does, or no node has what a run takes.
    """
    with connect_ray(address):
        told = describe_nodes(address, wanted)
        cluster = _RayCluster(address, wanted)
        try:
            yield cluster.submit, told
        finally:
            cluster.close()


class _Task(Future[Report]):
    """A task that was submitted."""

    def __init__(self, about: Mapping[str, Any], bundle: bytes, say: Say) -> None:
        super().__init__()
        self.about, self.bundle, self.say = about, bundle, say
        self.ref: Any = None
        self.set_running_or_notify_cancel()

    def cancel(self) -> bool:
        """Interrupt it as Ctrl-C does, wherever it is."""
        import ray

        if self.ref is not None:
            ray.cancel(self.ref)
        return True


class _RayCluster:
    """The tasks of one connection, and a thread that hears of them."""

    def __init__(self, address: str, wanted: ClusterParams) -> None:
        import ray
        from ray.util.queue import Queue
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        for module in (node, sys.modules[__name__]):  # a node need not have this version of them
            ray.cloudpickle.register_pickle_by_value(module)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        self.address, self.wanted = address, wanted
        self.stored: dict[bytes, Any] = {}  # bundles, each sent once
        kept = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
        self.lines = Queue(actor_options=kept | {"scheduling_strategy": here})
        self.work = ray.remote(_work)
        self.tasks: dict[Any, _Task] = {}  # those that go on
        self.by_run: dict[str, _Task] = {}
        self.refused: dict[str, str] = {}  # nodes by their id, and why
        self.gone: SecondLookError | None = None  # why the cluster can no longer be asked
        self.lock, self.closing = Lock(), Event()
        self.misses = 0  # how often the head did not answer, one after the other
        self.threads = [
            Thread(target=self._run_thread, args=(loop,), daemon=True)
            for loop in (self._listen, self._watch)
        ]
        for thread in self.threads:
            thread.start()

    def submit(self, about: Mapping[str, Any], bundle: bytes, say: Say) -> "Future[Report]":
        """Let a node run a task; `say` is given what it prints, all before the future is done."""
        task = _Task(about, bundle, say)
        self._send(task)
        return task

    def close(self) -> None:
        """Hear no more."""
        self.closing.set()
        for thread in self.threads:
            thread.join(0 if self.gone else 10)  # Ray may hang

    def _send(self, task: _Task) -> None:
        """Give a task to the cluster; where that cannot be, the task has failed."""
        if self.refused and not self._count_nodes():
            told = "; ".join(self.refused.values())
            self._fail(task, SecondLookError(f"no node is left that can: {told}"))
            return
        try:
            self._start(task)
        except list_ray_errors() as error:
            self._fail(task, error)

    def _fail(self, task: _Task, error: BaseException) -> None:
        """Let a task have failed, if nothing has come of it before."""
        known = isinstance(error, SecondLookError)
        with self.lock:
            if not task.done():
                task.set_exception(error if known else SecondLookError(shorten_error(error)))

    def _count_nodes(self) -> int:
        """Return how many nodes that are alive may run tasks."""
        slots = count_slots(self.wanted)
        return sum(bool(slots[name]) for name in slots.keys() - self.refused.keys())

    def _start(self, task: _Task) -> None:
        import ray

        options: dict[str, Any] = {
            "num_cpus": self.wanted.cpus,
            "num_gpus": self.wanted.gpus,
            "max_retries": RETRIES,
            "name": f"train {task.about['run']}",
        }
        if self.refused:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(self.refused)})"}
        with self.lock:
            if self.gone:
                raise self.gone
            self.by_run[task.about["run"]] = task  # its first line may be there at once
            if task.bundle not in self.stored:
                self.stored[task.bundle] = ray.put(task.bundle)
            stored = self.stored[task.bundle]
            task.ref = self.work.options(**options).remote(task.about, stored, self.lines)
            self.tasks[task.ref] = task

    def _run_thread(self, loop: Callable[[], None]) -> None:
        """Run a loop until closed; however it ends before, nobody waits for tasks any more."""
        why = "an error in Second Look, told above"
        try:
            loop()
        except list_ray_errors() as error:
            why = shorten_error(error)
        finally:
            if not self.closing.is_set() and not self.gone:
                self._give_up(why)

    def _listen(self) -> None:
        """Pass on what nodes say, and what became of tasks."""
        import ray

        while not self.closing.wait(POLL):
            with self.lock:
                waiting = dict(self.tasks)
            done = []
            if waiting:
                done, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
            for run, line in self.lines.get_nowait_batch(self.lines.qsize()):
                self.by_run[run].say(line)
            for ref in done:
                self._finish(ref, waiting[ref])

    def _watch(self) -> None:
        """Look for the head, and for nodes that may run a task: Ray would wait for ever.

        Raises SecondLookError where there are none.
        """
        seen = time.monotonic()
        while not self.closing.wait(HEAD_POLL):
            if self._check_head() and (not self.tasks or self._count_nodes()):
                seen = time.monotonic()
            if time.monotonic() > seen + NODE_PATIENCE:
                raise SecondLookError("no node is left that may run a task")

    def _check_head(self) -> bool:
        """Tell whether somebody listens at the address; SecondLookError where not, twice."""
        if self.address == "auto":
            import ray

            self.address = str(ray.get_runtime_context().gcs_address)
        try:
            check_head(self.address)
        except SecondLookError:
            self.misses += 1
            if self.misses > 1:
                raise
            return False
        self.misses = 0
        return True

    def _give_up(self, why: str) -> None:
        """Fail all tasks, also those submitted meanwhile and later."""
        with self.lock:
            self.gone = SecondLookError(f"the cluster is gone: {why}")
            self.tasks.clear()
            begun = list(self.by_run.values())
        for task in begun:
            self._fail(task, self.gone)

    def _finish(self, ref: Any, task: _Task) -> None:  # noqa: ANN401 - Ray has no types
        """Set what a task has come to; where a node refused it, send it to another."""
        import ray

        with self.lock:
            if self.tasks.pop(ref, None) is None:  # given up meanwhile
                return
        try:
            report = ray.get(ref)
        except list_ray_errors() as error:
            self._fail(task, getattr(error, "cause", None) or error)
            return
        if "refused" in report:
            self.refused[report["id"]] = report["refused"]
            task.say(f"{report['refused']}: it goes to another")
            self._send(task)
            return
        with self.lock:
            if not task.done():
                task.set_result(report)


def _work(about: Mapping[str, Any], bundle: bytes, lines: Any) -> Report:  # noqa: ANN401 - a Queue
    """Run a task on a node: this function is sent there, and node.py with it."""
    import ray

    told: list[Any] = []  # not lines.put: whoever waits for an answer gives its CPU away meanwhile

    def say(line: str) -> None:
        told[:] = [lines.actor.put.remote((about["run"], line))]

    report = run_task(about, bundle, say)
    ray.get(told)
    return {**report, "id": ray.get_runtime_context().get_node_id()}

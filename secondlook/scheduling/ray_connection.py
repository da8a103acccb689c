"""A connection to a Ray cluster: made, checked, and asked what its nodes have room for."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from secondlook.config.errors import SecondLookError
from secondlook.config.params import ClusterParams
from secondlook.config.processes import silence_stderr

CONNECT_TIMEOUT = 10.0  # seconds that the head has to take a connection
CLIENT_PREFIX = "ray://"  # of a head that is reached from outside of its cluster
# Tokens, unless somebody says otherwise: Ray listens on all interfaces, and runs what it is sent.
VARIABLES = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "error",
    "RAY_NUM_REDIS_GET_RETRIES": "5",  # seconds in which a token that is refused stays so
}


@contextmanager
def connect_ray(address: str) -> Iterator[None]:
    """Be connected to the cluster at an address.

    Raises SecondLookError where Ray is not installed, nobody answers, or the token is wrong.
    """
    for name, value in VARIABLES.items():  # read when it is imported
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        told = "--ray: Ray is not installed; pip install 'second-look[ray]'"
        raise SecondLookError(told) from None
    check_head(address)
    heard = signal.getsignal(signal.SIGTERM)
    try:
        with silence_stderr():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except list_ray_errors() as error:
        raise SecondLookError(
            f"--ray {address}: {shorten_error(error)}; is the cluster's token this machine's too "
            "(RAY_AUTH_TOKEN, or ~/.ray/auth_token)?"
        ) from None
    signal.signal(signal.SIGTERM, heard)  # Ray's own would print a stack
    _mute_nodes()
    try:
        yield
    finally:
        ray.shutdown()


def list_ray_errors() -> tuple[type[Exception], ...]:
    """Return what is raised where a cluster does not do as it is asked; all else is a bug."""
    from ray.exceptions import RayError

    # By version and place Ray raises Python's own, too: no connection, another Python or Ray.
    return (SecondLookError, RayError, OSError, RuntimeError, ValueError)


def _mute_nodes() -> None:
    """Let Ray not print the forty last lines of a node's log where one dies; no option does."""
    with suppress(ImportError):
        from ray._private import worker

        worker._worker_logs_enabled = False  # noqa: SLF001


def shorten_error(error: BaseException) -> str:
    """Return what went wrong as one line of at most 300 characters."""
    return " ".join(str(error).partition(". ")[0].split())[:300] or type(error).__name__


def check_head(address: str) -> None:
    """Raise SecondLookError where nobody listens: Ray itself would ask for a minute."""
    host, separator, port = address.removeprefix(CLIENT_PREFIX).rpartition(":")
    if not separator or not port.isdigit():
        if address == "auto":
            return
        raise SecondLookError(
            f"--ray: found {address!r}; expected auto (a head on this machine), HOST:PORT as "
            "`ray start --head` prints it, or ray://HOST:10001"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT).close()
    except (OSError, UnicodeError) as error:  # the latter: no name that a host may have
        why = getattr(error, "strerror", None) or error
        raise SecondLookError(
            f"--ray {address}: {why}; is `ray start --head` running there?"
        ) from None


def describe_nodes(address: str, wanted: ClusterParams) -> str:
    """Return how many nodes and runs at once there are; SecondLookError where none could run."""
    slots = count_slots(wanted)
    needs = f"{wanted.cpus:g} CPU" + (f" and {wanted.gpus:g} GPU" if wanted.gpus else "")
    if not any(slots.values()):
        raise SecondLookError(
            f"--ray {address}: a run takes {needs} of a node (cluster in params.yaml), and none of "
            f"{len(slots)} nodes has as much; see `ray status`"
        )
    number = f"{sum(map(bool, slots.values()))} of {len(slots)} nodes"
    return f"{number} of Ray at {address}, {sum(slots.values())} at once ({needs} each)"


def count_slots(wanted: ClusterParams) -> dict[str, int]:
    """Return how many runs fit at once into each node that is alive, by its id."""
    import ray

    takes = {"CPU": wanted.cpus} | ({"GPU": wanted.gpus} if wanted.gpus else {})
    return {
        each["NodeID"]: int(min(each["Resources"].get(kind, 0) / takes[kind] for kind in takes))
        for each in ray.nodes()
        if each["Alive"]
    }

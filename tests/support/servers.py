"""Real MLflow servers and a PostgreSQL on loopback, which a test can stop and start again.

PostgreSQL is an empty cluster on a free port, gone when the test ends.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.project import skip_or_fail

SECRET = secrets.token_hex(8)  # has to be found nowhere, not even in a copy of this file
START_SECONDS = 300  # seconds
# Processes that none of this needs take as long to start as the server itself.
LEAN_ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@dataclass(frozen=True)
class MlflowServer:
    """A server that runs; `uri` holds a user and a password."""

    uri: str
    process: "subprocess.Popen[bytes]"

    def freeze(self) -> None:
        """Let it accept connections and say nothing, as a computer does that is swapping."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self.process.pid, signal.SIGCONT)


def find_free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def make_tracking_uri(port: int) -> str:
    """Return the tracking URI of the server at a port."""
    return f"http://me:{SECRET}@127.0.0.1:{port}"


@contextmanager
def run_mlflow_server(folder: Path, backend: str, port: int) -> Iterator[MlflowServer]:
    """Start a server on the database `backend` that keeps artifacts in `folder`/artifacts."""
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", backend]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env=os.environ | LEAN_ENVIRONMENT,
            start_new_session=True,
        )
    try:
        wait_for_url(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield MlflowServer(make_tracking_uri(port), process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait()


def wait_for_url(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - the server above
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the server did not start:\n{log.read_text()}")


POSTGRES_USER, POSTGRES_PASSWORD = "looker", "Qpostgres/secret#1"
QUOTED_PASSWORD = "Qpostgres%2Fsecret%231"  # noqa: S105 - of a database that a test makes
# Not the defaults: no socket file, no waiting for the disk.
POSTGRES_OPTIONS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}


@dataclass(frozen=True)
class PostgresCluster:
    """A PostgreSQL that runs; databases are made in it by name."""

    port: int

    def make_uri(self, database: str) -> str:
        """Return the address of a database as MLflow takes it, password included."""
        return f"postgresql://{POSTGRES_USER}:{QUOTED_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def query(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows that a statement yields."""
        with psycopg.connect(self.make_uri(database), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def create_database(self, database: str) -> str:
        """Make an empty database in place of what had the name, and return its address."""
        self.query("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.query("postgres", f"CREATE DATABASE {database}")
        return self.make_uri(database)

    def dump_database(self, database: str) -> str:
        """Return all rows of all tables as text."""
        listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = [name for (name,) in self.query(database, listed)]
        rows = [self.query(database, f'SELECT t::text FROM "{name}" t') for name in names]  # noqa: S608 - names of its own
        return "\n".join(text for table in rows for (text,) in table)


@contextmanager
def run_postgres() -> Iterator[PostgresCluster]:
    """Start PostgreSQL with an empty cluster; skip where it is not installed."""
    programs = _find_postgres_programs()
    # Not pytest's folder: root's is closed to the user that PostgreSQL wants to run as.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    who = _choose_postgres_user(folder)
    try:
        _initialise_cluster(programs, folder, who)
        cluster = PostgresCluster(find_free_port())
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(cluster.port)]
        command += [
            part for key, value in POSTGRES_OPTIONS.items() for part in ("-c", f"{key}={value}")
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **who)
        try:
            _wait_for_postgres(cluster, process, folder / "log")
            yield cluster
        finally:
            process.send_signal(signal.SIGINT)  # ends all sessions, then itself
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_postgres_programs() -> Path:
    """Return the folder of initdb and postgres; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found is None and not versions:
        skip_or_fail("PostgreSQL is not here")
    return Path(found).resolve().parent if found else versions[-1].parent


def _choose_postgres_user(folder: Path) -> dict[str, Any]:
    """Return whom to run as: PostgreSQL refuses root, so its own user then, who gets the folder."""
    if os.getuid() != 0:
        return {}
    try:
        shutil.chown(folder, "postgres", "postgres")
    except LookupError:
        skip_or_fail("there is no user `postgres` to run PostgreSQL as")
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _initialise_cluster(programs: Path, folder: Path, who: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.write_text(POSTGRES_PASSWORD)
    secret.chmod(0o644)
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "--username", POSTGRES_USER]
    command += ["--auth", "scram-sha-256", "--pwfile", str(secret), "--no-sync"]
    command += ["--locale", "C", "--encoding", "UTF8"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True, **who)


def _wait_for_postgres(
    cluster: PostgresCluster, process: "subprocess.Popen[bytes]", log: Path
) -> None:
    """Return once the cluster answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            cluster.query("postgres", "SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"PostgreSQL did not start:\n{log.read_text()}")

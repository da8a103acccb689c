"""A PostgreSQL of a test's own: an empty cluster on a free port, gone when the test ends."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import absent
from tests.servers import free_port

USER, PASSWORD = "looker", "Qpostgres/secret#1"
QUOTED = "Qpostgres%2Fsecret%231"
# Not the defaults: no socket file, no waiting for the disk.
OPTIONS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that runs; databases are made in it by name."""

    port: int

    def uri(self, database: str) -> str:
        """Return the address of a database as MLflow takes it, password included."""
        return f"postgresql://{USER}:{QUOTED}@127.0.0.1:{self.port}/{database}"

    def query(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows that a statement yields."""
        with psycopg.connect(self.uri(database), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def create(self, database: str) -> str:
        """Make an empty database in place of what had the name, and return its address."""
        self.query("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.query("postgres", f"CREATE DATABASE {database}")
        return self.uri(database)

    def contents(self, database: str) -> str:
        """Return all rows of all tables as text."""
        listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = [name for (name,) in self.query(database, listed)]
        rows = [self.query(database, f'SELECT t::text FROM "{name}" t') for name in names]  # noqa: S608 - names of its own
        return "\n".join(text for table in rows for (text,) in table)


@contextmanager
def postgres() -> Iterator[Cluster]:
    """Start PostgreSQL with an empty cluster; skip where it is not installed."""
    programs = _programs()
    # Not pytest's folder: root's is closed to the user that PostgreSQL wants to run as.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    who = _somebody(folder)
    try:
        _initialise(programs, folder, who)
        cluster = Cluster(free_port())
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(cluster.port)]
        command += [part for key, value in OPTIONS.items() for part in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **who)
        try:
            _await(cluster, process, folder / "log")
            yield cluster
        finally:
            process.send_signal(signal.SIGINT)  # ends all sessions, then itself
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Return the folder of initdb and postgres; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found is None and not versions:
        absent("PostgreSQL is not here")
    return Path(found).resolve().parent if found else versions[-1].parent


def _somebody(folder: Path) -> dict[str, Any]:
    """Return whom to run as: PostgreSQL refuses root, so its own user then, who gets the folder."""
    if os.getuid() != 0:
        return {}
    try:
        shutil.chown(folder, "postgres", "postgres")
    except LookupError:
        absent("there is no user `postgres` to run PostgreSQL as")
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _initialise(programs: Path, folder: Path, who: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "--username", USER]
    command += ["--auth", "scram-sha-256", "--pwfile", str(secret), "--no-sync"]
    command += ["--locale", "C", "--encoding", "UTF8"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True, **who)


def _await(cluster: Cluster, process: "subprocess.Popen[bytes]", log: Path) -> None:
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

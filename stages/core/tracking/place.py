"""Where the runs are mirrored to: the project's own store, or what MLFLOW_TRACKING_URI names."""

import os
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from stages.core.errors import TrackingError
from stages.core.tracking.credentials import Address, address

SQLITE = "sqlite:///"
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
PATIENCE = 8.0  # seconds that a server has for its first answer
AWAY = (502, 503, 504)  # what a gateway answers when the server behind it does not
LONGEST = 300  # characters of what somebody else has to say


@dataclass(frozen=True)
class Place:
    """A tracking URI, and the project that writes to it; `database` is set for sqlite only.

    The URI may hold a password: print `shown` instead, and `redacted` texts of others.
    """

    root: Path
    uri: str = field(repr=False)
    database: Path | None

    @property
    def address(self) -> Address:
        """Return the parts of the URI."""
        return address(self.uri)

    @property
    def shown(self) -> str:
        """Return the URI as it may be read by anyone; the project's own file by its name."""
        if self.database is None:
            return self.address.shown
        inside = self.database.is_relative_to(self.root)
        return str(self.database.relative_to(self.root) if inside else self.database)

    @property
    def artifacts(self) -> Path | None:
        """Return the folder for files, where a bare `mlflow ui` looks too; a server has its own."""
        if self.database is not None:
            return self.database.parent / "mlruns"
        return self.root / "mlruns" if self._kind in PORTS else None

    @property
    def _kind(self) -> str:
        return self.address.scheme.partition("+")[0]

    def redacted(self, text: str) -> str:
        """Return the text as one line, without the URI's user, password or query."""
        return " ".join(self.address.redacted(text).split())

    def check(self) -> None:
        """Raise TrackingError soon when a server does not answer: MLflow would try for long."""
        try:
            if self._kind in ("http", "https"):
                _ask(f"{self.shown.rstrip('/')}/health")
            elif self._kind in PORTS:
                _knock(self.shown, PORTS[self._kind])
        except (OSError, ValueError) as error:
            raise self.error(str(error)) from None

    def error(self, reason: str) -> TrackingError:
        """Return the error that tells why the store cannot be used, and what to do."""
        told = self.redacted(reason)[:LONGEST]
        return TrackingError(f"MLflow at {self.shown}: {told}; {_remedy(self.root)}")


def _remedy(root: Path) -> str:
    """Return what brings MLflow up to date; an experiment in a copy leaves nothing in data/."""
    name = os.environ.get("DVC_EXP_NAME")
    if name and Path.cwd().resolve() != root:
        steps = f"`dvc exp apply {name}` and then `secondlook track` log it"
        return f"the experiment keeps its results: once the store answers, {steps}"
    return (
        "data/ is safe: once the store answers, or MLFLOW_TRACKING_URI names another, "
        "`dvc repro` or `secondlook track` brings it up to date"
    )


def place() -> Place:
    """Return where to track; relative sqlite paths start at the project, not at the folder.

    DVC_ROOT names the real project also where `dvc exp run --temp` works in a copy of it.
    """
    root = Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    if not uri.startswith(SQLITE):
        return Place(root, uri, None)
    database = root / uri.removeprefix(SQLITE).partition("?")[0]
    return Place(root, f"{SQLITE}{database}", database)


def _ask(url: str) -> None:
    """Raise OSError unless the server answers, be it by a refusal; proxies are honoured."""
    try:
        urllib.request.urlopen(url, timeout=PATIENCE).close()  # noqa: S310 - http or https
    except urllib.error.HTTPError as refusal:
        refusal.close()
        if refusal.code in AWAY:
            raise OSError(f"{refusal.code} {refusal.reason}") from None
    except urllib.error.URLError as error:
        # Which certificates to trust is set for MLflow, not for us.
        if not isinstance(error.reason, ssl.SSLError):
            raise OSError(error.reason) from None


def _knock(url: str, port: int) -> None:
    """Raise OSError unless the host takes a connection; `port` is where the URL names none."""
    parts = urlsplit(url)
    if parts.hostname:
        where = (parts.hostname, parts.port or port)
        socket.create_connection(where, timeout=PATIENCE).close()

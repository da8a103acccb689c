"""Where the runs are mirrored to: the project's own store, or what MLFLOW_TRACKING_URI names."""

import os
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stages.core.errors import TrackingError

SQLITE = "sqlite:///"
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
PATIENCE = 8.0  # seconds that a server has for its first answer
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
    def shown(self) -> str:
        """Return the URI as it may be read by anyone; the project's own file by its name."""
        if self.database is not None:
            inside = self.database.is_relative_to(self.root)
            return str(self.database.relative_to(self.root) if inside else self.database)
        parts = urlsplit(self.uri)
        if not parts.netloc:
            return parts.path
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def artifacts(self) -> Path | None:
        """Return the folder beside the sqlite file, where a bare `mlflow ui` looks too."""
        return None if self.database is None else self.database.parent / "mlruns"

    def redacted(self, text: str) -> str:
        """Return the text as one line, without the URI's user, password or query."""
        parts = urlsplit(self.uri)
        user, at, _ = parts.netloc.rpartition("@")
        # A user without a password is a token.
        hidden = {self.uri: self.shown, user + at: "", parts.password or user: "***"}
        for secret, shown in (hidden | {parts.query: "***"}).items():
            for form in {secret, unquote(secret)} - {""}:
                text = text.replace(form, shown)
        return " ".join(text.split())

    def check(self) -> None:
        """Raise TrackingError soon when a server does not answer: MLflow would try for long."""
        parts = urlsplit(self.uri)
        scheme = parts.scheme.partition("+")[0]
        try:
            if scheme in ("http", "https"):
                _ask(f"{self.shown.rstrip('/')}/health")
            elif scheme in PORTS and parts.hostname:
                _knock(parts.hostname, parts.port or PORTS[scheme])
        except (OSError, ValueError) as error:
            raise self.error(str(error)) from None

    def error(self, reason: str) -> TrackingError:
        """Return the error that tells why the store cannot be used, and what to do."""
        return TrackingError(
            f"MLflow at {self.shown}: {self.redacted(reason)[:LONGEST]}; data/ is safe: once the "
            "store answers, or MLFLOW_TRACKING_URI names another, `dvc repro` brings it up to date"
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
    """Raise OSError unless there is any answer, be it a refusal; proxies are honoured."""
    try:
        urllib.request.urlopen(url, timeout=PATIENCE).close()  # noqa: S310 - http or https
    except urllib.error.HTTPError as refusal:
        refusal.close()
    except urllib.error.URLError as error:
        # Which certificates to trust is set for MLflow, not for us.
        if not isinstance(error.reason, ssl.SSLError):
            raise OSError(error.reason) from None


def _knock(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=PATIENCE).close()

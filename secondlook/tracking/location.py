"""Where the runs are mirrored to: the project's own store, or what MLFLOW_TRACKING_URI names.

A tracking URI may hold a user and a password: they are struck out of all that is printed. Not
with urlsplit: a password with / or # in it, which SQLAlchemy accepts, would look like a path.
"""

import os
import re
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from secondlook.config.errors import TrackingError


@dataclass(frozen=True)
class UriParts:
    """The parts of a URI; `credentials` is all before the last @, `query` all after a ?."""

    scheme: str
    location: str
    credentials: str = field(repr=False)
    query: str = field(repr=False)

    @property
    def display_name(self) -> str:
        """Return the URI as it may be read by anyone."""
        return f"{self.scheme}://{self.location}" if self.scheme else self.location

    def remove_credentials(self, text: str) -> str:
        """Return the text without `user:password@`, and otherwise as it is: a file to be kept."""
        for form in _list_spellings(self.credentials):
            text = text.replace(f"{form}@", "")
        return text

    def redact(self, text: str) -> str:
        """Return the text without user, password and query, wherever they stand in it."""
        user, _, password = self.credentials.partition(":")
        text = self.remove_credentials(text)
        # A user without a password is a token; of a broken password, pieces may be told.
        for secret in (password or user, self.query, *re.split("[/?#@]", password)):
            for form in _list_spellings(secret):
                text = text.replace(form, "***")
        for form in _list_spellings(user):
            text = re.sub(rf"(user\W{{1,2}}){re.escape(form)}\b", r"\1***", text)
        return text


def parse_uri(uri: str) -> UriParts:
    """Return the parts of a URI; what might be a secret is taken for one."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        scheme, rest = "", uri
    credentials, _, location = rest.rpartition("@")
    location, _, query = location.partition("?")
    return UriParts(scheme, location.partition("#")[0], credentials, query)


def _list_spellings(secret: str) -> list[str]:
    """Return how a text may write a secret, the longest first; none for no secret."""
    plain = unquote(secret)
    forms = {secret, plain, quote(plain, safe=""), quote(plain, safe=":"), quote(secret, safe=":%")}
    return sorted(forms - {""}, key=len, reverse=True)


SQLITE_PREFIX = "sqlite:///"
MEANINGFUL_CHARACTERS = re.compile("[%?#]")  # that a path may hold and a URI gives a meaning


def format_sqlite_uri(database: Path) -> str:
    """Return the URI of a sqlite file, whatever its path holds."""
    path = MEANINGFUL_CHARACTERS.sub(lambda found: quote(found[0]), str(database))
    return f"{SQLITE_PREFIX}{path}"


DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
ANSWER_TIMEOUT = 8.0  # seconds that a server has for its first answer
GATEWAY_ERRORS = (502, 503, 504)  # what a gateway answers when the server behind it does not
LONGEST_REASON = 300  # characters of what somebody else has to say


@dataclass(frozen=True)
class StoreLocation:
    """A tracking URI, and the project that writes to it; `database` is set for sqlite only.

    The URI may hold a password: print `display_name` instead, and texts of others by `redact`.
    """

    root: Path
    uri: str = field(repr=False)
    database: Path | None

    @property
    def uri_parts(self) -> UriParts:
        """Return the parts of the URI; a file has neither user nor password, be there an @."""
        if self.database is not None:
            return UriParts("sqlite", f"/{self.database}", "", "")
        return parse_uri(self.uri)

    @property
    def display_name(self) -> str:
        """Return the URI as it may be read by anyone; the project's own file by its name."""
        if self.database is None:
            return self.uri_parts.display_name
        inside = self.database.is_relative_to(self.root)
        return str(self.database.relative_to(self.root) if inside else self.database)

    @property
    def artifacts(self) -> Path | None:
        """Return the folder for files, where a bare `mlflow ui` looks too; a server has its own."""
        if self.database is not None:
            return self.database.parent / "mlruns"
        return self.root / "mlruns" if self._kind in DEFAULT_PORTS else None

    @property
    def _kind(self) -> str:
        return self.uri_parts.scheme.partition("+")[0]

    def redact(self, text: str) -> str:
        """Return the text as one line, without the URI's user, password or query."""
        return " ".join(self.uri_parts.redact(text).split())

    def check(self) -> None:
        """Raise TrackingError soon when a server does not answer: MLflow would try for long."""
        try:
            if self._kind in ("http", "https"):
                _check_http(f"{self.display_name.rstrip('/')}/health")
            elif self._kind in DEFAULT_PORTS:
                _check_port(self.display_name, DEFAULT_PORTS[self._kind])
                _check_login(self.uri)
        except (OSError, ValueError) as error:
            raise self.build_error(str(error)) from None

    def build_error(self, reason: str) -> TrackingError:
        """Return the error that tells why the store cannot be used, and what to do."""
        told = self.redact(reason)[:LONGEST_REASON]
        return TrackingError(f"MLflow at {self.display_name}: {told}; {_suggest_remedy(self.root)}")


def _suggest_remedy(root: Path) -> str:
    """Return what brings MLflow up to date; an experiment in a copy leaves nothing in data/."""
    name = os.environ.get("DVC_EXP_NAME")
    if name and Path.cwd().resolve() != root:
        steps = f"`dvc exp apply {name}` and then `secondlook track` log it"
        return f"the experiment keeps its results: once the store answers, {steps}"
    return (
        "data/ is safe: once the store answers, or MLFLOW_TRACKING_URI names another, "
        "`dvc repro` or `secondlook track` brings it up to date"
    )


def find_location() -> StoreLocation:
    """Return where to track; relative sqlite paths start at the project, not at the folder.

    DVC_ROOT names the real project also where `dvc exp run --temp` works in a copy of it.
    """
    root = Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE_PREFIX}mlflow.db"
    if not uri.startswith(SQLITE_PREFIX):
        return StoreLocation(root, uri, None)
    database = root / unquote(uri.removeprefix(SQLITE_PREFIX).partition("?")[0])
    return StoreLocation(root, format_sqlite_uri(database), database)


def _check_http(url: str) -> None:
    """Raise OSError unless the server answers, be it by a refusal; proxies are honoured."""
    try:
        urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT).close()  # noqa: S310 - http or https
    except urllib.error.HTTPError as refusal:
        refusal.close()
        if refusal.code in GATEWAY_ERRORS:
            raise OSError(f"{refusal.code} {refusal.reason}") from None
    except urllib.error.URLError as error:
        # Which certificates to trust is set for MLflow, not for us.
        if not isinstance(error.reason, ssl.SSLError):
            raise OSError(error.reason) from None


def _check_login(uri: str) -> None:
    """Raise OSError where the database refuses us: MLflow would ask ten times, for 100 seconds.

    What else may be wrong, as a driver that is missing, MLflow tells at once.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    try:
        engine = create_engine(uri)
        try:
            engine.connect().close()
        finally:
            engine.dispose()
    except OperationalError as error:
        raise OSError(str(error.orig)) from None
    except (ImportError, SQLAlchemyError):
        return


def _check_port(url: str, port: int) -> None:
    """Raise OSError unless the host takes a connection; `port` is where the URL names none."""
    parts = urlsplit(url)
    if parts.hostname:
        where = (parts.hostname, parts.port or port)
        socket.create_connection(where, timeout=ANSWER_TIMEOUT).close()

"""A tracking URI may hold a user and a password: told apart here, struck out of all that is said.

Not with urlsplit: a password with / or # in it, which SQLAlchemy accepts, would look like a path.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote


@dataclass(frozen=True)
class Address:
    """The parts of a URI; `credentials` is all before the last @, `query` all after a ?."""

    scheme: str
    location: str
    credentials: str = field(repr=False)
    query: str = field(repr=False)

    @property
    def shown(self) -> str:
        """Return the URI as it may be read by anyone."""
        return f"{self.scheme}://{self.location}" if self.scheme else self.location

    def struck_out(self, text: str) -> str:
        """Return the text without `user:password@`, and otherwise as it is: a file to be kept."""
        for form in _forms(self.credentials):
            text = text.replace(f"{form}@", "")
        return text

    def redacted(self, text: str) -> str:
        """Return the text without user, password and query, wherever they stand in it."""
        user, _, password = self.credentials.partition(":")
        text = self.struck_out(text)
        # A user without a password is a token; of a broken password, pieces may be told.
        for secret in (password or user, self.query, *re.split("[/?#@]", password)):
            for form in _forms(secret):
                text = text.replace(form, "***")
        for form in _forms(user):
            text = re.sub(rf"(user\W{{1,2}}){re.escape(form)}\b", r"\1***", text)
        return text


def address(uri: str) -> Address:
    """Return the parts of a URI; what might be a secret is taken for one."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        scheme, rest = "", uri
    credentials, _, location = rest.rpartition("@")
    location, _, query = location.partition("?")
    return Address(scheme, location.partition("#")[0], credentials, query)


def _forms(secret: str) -> list[str]:
    """Return how a text may write a secret, the longest first; none for no secret."""
    plain = unquote(secret)
    forms = {secret, plain, quote(plain, safe=""), quote(plain, safe=":"), quote(secret, safe=":%")}
    return sorted(forms - {""}, key=len, reverse=True)

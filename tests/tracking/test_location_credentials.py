"""What of a tracking URI may be seen."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.tracking.location import StoreLocation, parse_uri

# The Q is in no word that we say, so what holds it came from the URI.
SECRETS = st.text("XYZ0189@:/?#%&=+ äß", max_size=8).map("Q{}".format)
HOSTS = st.sampled_from(["http://{}h/x", "mysql://{}h/x", "postgresql+psycopg2://{}h:1/x?y=Qz"])


@given(user=SECRETS, password=SECRETS, host=HOSTS, quoted=st.booleans())
def test_no_password_is_ever_shown(user: str, password: str, host: str, *, quoted: bool) -> None:
    """Neither the name of the store nor what it complains of holds it, even one not quoted."""
    user = user if quoted else user.replace(":", "")  # it would end there
    written = [quote(part, safe="") if quoted else part for part in (user, password)]
    where = StoreLocation(Path("/project"), host.format(":".join(written) + "@"), None)
    told = f"no answer from {where.uri}, at {':'.join(written)}@h, with {password}"
    for text in (where.display_name, repr(where), where.redact(told), str(where.build_error(told))):
        assert written[1] not in text
        assert password not in text
    assert "Q" not in where.display_name


@given(token=SECRETS)
def test_a_user_without_a_password_is_a_token(token: str) -> None:
    """A token is hidden as a password is."""
    where = StoreLocation(Path("/project"), f"https://{quote(token, safe='')}@h/", None)
    assert where.redact(f"bad token {token}") == "bad token ***"


@pytest.mark.parametrize("said", ['user "me"', "user 'me'@'h'", "user=me"])
def test_a_user_is_hidden_and_words_are_not(said: str) -> None:
    """A short name may be part of any word: it is hidden where it is said to be a user's."""
    told = parse_uri("postgresql://me:secret@h/x").redact(f"for {said} some time")
    assert told == f"for {said.replace('me', '***')} some time"


def test_a_piece_of_a_broken_password_is_hidden() -> None:
    """A / that is not written %2F cuts a password in two, and a library tells the first half."""
    assert parse_uri("http://me:half/other@h").redact("invalid port: half") == "invalid port: ***"


def test_a_file_loses_nothing_else() -> None:
    """What is kept to be applied again loses `user:password@`, and no words that are like it."""
    text = "+uri = http://me:a@h/x\n+a = me\n"
    assert parse_uri("http://me:a@h").remove_credentials(text) == "+uri = http://h/x\n+a = me\n"
    assert parse_uri("sqlite:///mlflow.db").remove_credentials(text) == text

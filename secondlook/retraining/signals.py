"""Being told to end: in good order at most times, not at all while the champion changes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from secondlook.config.errors import SecondLookError

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@contextmanager
def raise_on_signals() -> Iterator[None]:
    """Turn a signal that ends us into a SecondLookError, so that it is recorded like any failure.

    One that we were started to ignore (nohup) stays ignored.
    """
    heard = [number for number in ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _raise_ended_error) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ignore_signals() -> Iterator[None]:
    """Hear no signal for the second or two that a promotion and its record take."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_ended_error(number: int, _: FrameType | None) -> NoReturn:
    name = signal.Signals(number).name
    raise SecondLookError(f"ended by {name}; the champion stays, the next start goes on")

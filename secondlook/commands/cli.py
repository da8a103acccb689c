"""The one door: `python -m stages <stage or command>`, also installed as `secondlook`."""

import atexit
import codecs
import gc
import io
import os
import sys

# What a terminal that is not UTF-8 is shown in the place of what it has not.
PLAIN = dict(zip("“”‘’–—−·×\N{NO-BREAK SPACE}", "\"\"''---*x ", strict=True))  # noqa: RUF001
PLAIN |= {"…": "...", "±": "+-", "→": "->", "≥": ">="}


def main() -> None:
    """Run one stage or command; exit status 1 or 2 after a user's mistake, 130 after Ctrl-C."""
    _replace_unprintable()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else it reports the GPUs it has not
    # TensorFlow and MLflow make a million objects that stay: looking through them for garbage as
    # often as Python does takes a seventh of a short training.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)  # else Python looks through them once more as it ends: a second
    try:
        status = _run_in_fork() if "DVC_STAGE" in os.environ else None
        if status is None:
            # Imported here, so that Ctrl-C meanwhile is one line as well.
            from secondlook.commands.command_group import run_command_line

            status = run_command_line(sys.argv[1:])
    except KeyboardInterrupt as interruption:
        outlook = str(interruption) or "nothing half-written was left"
        print(f"secondlook: interrupted; {outlook}", file=sys.stderr)
        status = 130
    if status:
        sys.exit(status)


def _run_in_fork() -> int | None:
    """Let a process do the stage that has the libraries already, where there is one."""
    from secondlook.scheduling.fork_client import run_in_fork

    return run_in_fork(sys.argv[1:])


def _replace_unprintable() -> None:
    """Let no name or sign end a command because the terminal cannot show it.

    JSON keeps what it says, as escapes; people get the nearest plain sign, or a question mark.
    """
    codecs.register_error("escape", _escape_character)
    codecs.register_error("plain", _plain_character)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="escape" if "--json" in sys.argv else "plain")


def _plain_character(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return PLAIN.get(error.object[error.start], "?"), error.start + 1


def _escape_character(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    import json

    return json.dumps(error.object[error.start])[1:-1], error.start + 1


if __name__ == "__main__":
    main()

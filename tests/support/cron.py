"""Debian's cron daemon with one crontab of a test's own; afterwards all is as it was before."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.project import skip_or_fail

PID_FILE = Path("/var/run/crond.pid")


@contextmanager
def run_crontab(crontab: str) -> Iterator[None]:
    """Let cron, started where it does not run, follow a crontab; skip where it is not installed."""
    if os.getuid() != 0 or not shutil.which("cron") or not shutil.which("crontab"):
        skip_or_fail("cron is not here, or not for us to start")
    before = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    subprocess.run(["crontab", "-"], input=crontab, text=True, check=True)
    # Started only now: a daemon that reads the spool in the very second in which the crontab comes
    # takes the spool for unchanged ever after, for it compares whole seconds.
    daemon = None if _is_running() else subprocess.Popen(["cron", "-f"], start_new_session=True)
    try:
        yield
    finally:
        if before.returncode:
            subprocess.run(["crontab", "-r"], check=True)
        else:
            subprocess.run(["crontab", "-"], input=before.stdout, text=True, check=True)
        if daemon is not None:
            daemon.terminate()
            daemon.wait()
            PID_FILE.unlink(missing_ok=True)


def _is_running() -> bool:
    """Tell whether a cron daemon runs already: a second one would end at once."""
    try:
        os.kill(int(PID_FILE.read_text(encoding="ascii")), 0)
    except (OSError, ValueError):
        return False
    return True

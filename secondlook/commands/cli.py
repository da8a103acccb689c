"""The one door: `python -m stages <stage or command>`, also installed as `secondlook`."""

import os
import sys


def main() -> None:
    """Run one stage or command; exit status 1 or 2 after a user's mistake, 130 after Ctrl-C."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else it reports the GPUs it has not
    try:
        # Imported here, so that Ctrl-C meanwhile is one line as well.
        from secondlook.commands.command_group import run_command_line

        status = run_command_line(sys.argv[1:])
    except KeyboardInterrupt as interruption:
        outlook = str(interruption) or "nothing half-written was left"
        print(f"secondlook: interrupted; {outlook}", file=sys.stderr)
        status = 130
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()

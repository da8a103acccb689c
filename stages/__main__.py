"""The door: `python -m stages <stage or command>` is the same as `secondlook <...>`."""

from secondlook.commands.cli import main

main()

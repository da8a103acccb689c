"""What people and schedulers run: cli.py is the door, and each other file a command of it.

`python -m stages NAME` and `secondlook NAME` are the same door, for stages and commands alike.
command_group.py knows all of them by name, and is what they have in common.
"""

"""A tracked run made again, apart from the workspace.

origin.py       what the run says it came from, and the params.yaml to run it with
sandbox.py      the project as it was then, in a worktree where git and DVC write nothing else
source_data.py  the images, and pretrained weights, brought there
verify.py       stage by stage: is it the same? else the first number that differs
paired.py       the run against other code or data, by the images that both answered
"""

"""A tracked run made again, apart from the workspace.

origin.py       what the run says it came from
worktree.py     the project as it was then, in a temporary folder of git's making
parameters.py   the params.yaml that it runs with
workshop.py     DVC in that folder, with a cache and a tracking store that are thrown away
supply.py       the images, brought there
outputs.py      two outputs side by side: the first number that differs
sameness.py     stage by stage: is it the same?
paired.py       the run against other code or data, by the images that both answered
"""

"""Sweeps: one run varied in some of its parameters, and the best of many trials chosen.

search.py    which points are tried next
trials.py    the trials that dvc knows of, and what came of each
outcome.py   the best trial, how much it flatters, what mattered: a row of results.json
adoption.py  the best trial as entries of `runs:` in params.yaml

A trial trains as a run does and is asked about validation alone. Its pipeline is
data/sweep/dvc.yaml, apart from dvc.yaml: `dvc repro` neither trains it nor waits for it.
"""

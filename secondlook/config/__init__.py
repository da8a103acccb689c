"""What a user says in params.yaml, and what can be wrong with it; imports no other room.

params.py       every section as a typed, frozen model, and what must hold between them
training.py     the section `train`: what determines a run
sweeps.py       the section `sweeps`: which run is varied, and in what
retraining.py   the section `retrain`: the gate, and the limits of data
yaml_files.py   YAML as DVC reads and writes it
yaml_schema.py  values that sections are made of; what is wrong with one, in a single line
processes.py    git and other programs as children; signals that end us; locks, temporary folders
dvc.py          dvc as a subprocess; a training that ends with its dvc
errors.py       the errors that end a command with one line

No stage depends on this folder: it refuses or records, but never changes an output.
"""

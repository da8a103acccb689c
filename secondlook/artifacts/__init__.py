"""The files that stages leave for each other: how they are written, their shape, reading them.

files.py               whole or absent, and the same bytes every time
schema.py              what typed JSON files have in common
image_shards.py        the pictures of a split, in files of bounded size, as one array
manifest.py            the images: which are in which split, and their arrays
dataset_card.py        what the images are like: facts.json
layer_artifact.py      what the layers of a network make of images: layers.json, inside.npz
retraining_history.py  what came of each retraining: history.jsonl
parallel.py            work on all cores that the process may use, in order

Every stage depends on this folder: what only one of them needs stands elsewhere.
"""

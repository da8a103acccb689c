"""MLflow, the mirror of the files; only this room imports it.

sync.py             all of data/ into MLflow: what the stage `track` does; stamp.py tells that all
                    is there
expected.py         files -> which runs MLflow should have; sweep_runs.py sweeps and their trials;
                    provenance.py when, where, of which code and images
run_spec.py         such a run, said without MLflow, and how the UI shows it
location.py         the tracking URI, and what of it may be printed
store.py            MLflow itself: opened, made, and mended after the project was moved
upload.py           one run: its numbers, files and pictures; models.py its model, and which run
                    could be in service
live.py             epochs of a training that lasts; live_worker.py logs them, a process of its own
lookup.py           the other way: one run, its files and its model, out of MLflow
registry.py         which model is in service, and which was before it
retraining_runs.py  what came of each retraining
"""

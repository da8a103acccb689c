"""Make MLflow say what the files say: runs, curves, numbers, pictures, models, the report.

Reads data/preprocess/facts.json, data/train, data/evaluate and data/report; writes into the
MLflow store alone. It runs on every `dvc repro`, so that MLflow is right whether a stage ran,
came from the run cache or was pulled, and after the store was lost. A store that cannot be
reached ends `dvc repro` with an error: the files are safe, and the next one brings MLflow up.
"""

from stages.core import tracking
from stages.core.params import Params


def run(params: Params) -> None:
    """Mirror all runs of params.yaml into MLflow; what is there already is left alone.

    Raises DataError when an earlier stage has not run, TrackingError when MLflow cannot be used.
    """
    tracking.mirror(params)

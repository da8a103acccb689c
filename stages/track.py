"""Make MLflow say what the files say: runs, curves, numbers, pictures, models, report, sweeps.

Reads data/preprocess/facts.json, data/train, data/evaluate, data/compare and data/report, and what
sweeps left in data/sweep and data/trial; writes into the MLflow store alone. It runs on every
`dvc repro`, so that MLflow is right whether a stage ran, came from the run cache or was pulled, and
after the store was lost. To dvc, a store that cannot be used is no failure: the results are there,
and an experiment would be thrown away for it.
"""

import os
import sys

from secondlook.config.errors import TrackingError
from secondlook.config.params import Params
from secondlook.tracking import sync


def run(params: Params) -> None:
    """Mirror all runs and sweeps into MLflow; what is there already is left alone.

    Raises DataError when an earlier stage has not run, TrackingError when MLflow cannot be used.
    The latter is a warning where dvc runs this: the next `dvc repro` tracks again in any case.
    """
    try:
        sync.sync_runs(params)
    except TrackingError as error:
        if "DVC_STAGE" not in os.environ:
            raise
        print(f"secondlook: warning: not tracked: {error}", file=sys.stderr)

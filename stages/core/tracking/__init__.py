"""MLflow, the mirror of the files; only this folder imports it.

mirroring.py    all of data/ into MLflow: what the stage `track` does
reading.py      files -> record.py, what MLflow should say; settings.py the parameters,
                clock.py when, whereabouts.py where, provenance.py of which code,
                looks.py how the UI shows it
place.py        the tracking URI, credentials.py what of it is said; local.py a glance at its
                sqlite file: is all there already?
store.py        if not, MLflow itself; reconciling.py which run is it, and what to do with it
writing.py      numbers, files and pictures; models.py the model
following.py    a training that lasts; follower.py logs its epochs, in a process of its own,
                claims.py tells whether that still lives
attaching.py    a page that belongs to a run, beside what mirrors the files
lookup.py       the other way: one run and its files, out of MLflow; fetching.py its model
registry.py     which model is in service; candidates.py which run could be
retrainings.py  what came of each retraining; held.py which images a data set held
"""

from stages.core.tracking.attaching import attach
from stages.core.tracking.fetching import champion, fetch_model
from stages.core.tracking.following import live
from stages.core.tracking.lookup import Tracked, look_up
from stages.core.tracking.mirroring import mirror

__all__ = ["Tracked", "attach", "champion", "fetch_model", "live", "look_up", "mirror"]

"""What MLflow's UI needs to be told so that its first look shows the runs side by side.

It opens on other work than training, folds a parent's runs away and shows no metric until asked.
"""

import json

from stages.core.page.palette import Look
from stages.core.tracking.place import Place

VIEW = "leaderboard"
RANK = "metrics.`validation/f1`"  # as the report ranks; sorted, the UI folds nothing away
COLUMNS = (
    RANK,
    "metrics.`test/accuracy`",
    "metrics.`test/balanced_accuracy`",
    "metrics.`test/precision`",
    "metrics.`test/recall`",
    "metrics.`test/f1`",
    "metrics.`test/log_loss`",
    "metrics.`kept_epoch`",
    "params.`train.model`",
    "params.`train.class_weight`",
)
# The runs' pictures side by side, above the charts that the UI makes of every metric.
SECTION = {"uuid": "pictures", "name": "Pictures", "display": True, "columns": 1, "cardHeight": 700}
GRID = {
    "type": "IMAGE",
    "uuid": "picture-grid",
    "metricSectionId": SECTION["uuid"],
    "imageKeys": ["confusion", "precision_recall", "curves", "roc"],
    "step": 0,
    "showRunParams": False,
    "runsCountToCompare": 10,
    "deleted": False,
    "isGenerated": False,
}
STATE = {
    "orderByKey": RANK,
    "orderByAsc": False,
    "selectedColumns": COLUMNS,
    "compareRunSections": [SECTION],
    "compareRunCharts": [GRID],
}
SAVED = {"name": "Leaderboard", "createdAt": 0, "updatedAt": 0, "state": json.dumps(STATE)}
NOTE = (
    "Kept equal to the project's files by `dvc repro`; the run above the others holds the report. "
    "A curve has one point per epoch. Where an earlier epoch than the last was kept, "
    "validation/accuracy, validation/precision and validation/recall have one more, after the "
    "last epoch: the kept model."
)
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": NOTE,
    # A saved view as the UI itself writes one; it is listed under "Views".
    f"mlflow.sharedViewState.{VIEW}": json.dumps(SAVED),
}


def run_tags(index: int) -> dict[str, str]:
    """Return the tags that unfold the runs' parent, and give run `index` the report's colour."""
    # The UI unfolds the parent of runs of this type, and of no other.
    return {"mlflow.runType": "evaluation", "mlflow.runColor": Look(index).color}


def link(where: Place, experiment: str) -> str | None:
    """Return where a browser shows the experiment; the project's own store once `make ui` runs."""
    own = where.database is not None and where.database.parent == where.root
    if not own and not where.shown.startswith("http"):
        return None
    server = "http://127.0.0.1:5000" if own else where.shown.rstrip("/")
    query = f"workflowType=machine_learning&viewStateShareKey={VIEW}"
    return f"{server}/#/experiments/{experiment}/runs?{query}"

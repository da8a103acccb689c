"""What MLflow's UI needs to be told so that its first look shows the runs side by side.

It opens on other work than training, folds a parent's runs away and shows no metric until asked.
"""

import json

from secondlook.report.theme import Style
from secondlook.tracking.location import StoreLocation

VIEW = "leaderboard"
RANK_COLUMN = "metrics.`validation/f1`"  # as the report ranks; sorted, the UI folds nothing away
COLUMNS = (
    RANK_COLUMN,
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
PICTURES_SECTION = {
    "uuid": "pictures",
    "name": "Pictures",
    "display": True,
    "columns": 1,
    "cardHeight": 700,
}
PICTURE_GRID = {
    "type": "IMAGE",
    "uuid": "picture-grid",
    "metricSectionId": PICTURES_SECTION["uuid"],
    "imageKeys": ["confusion", "precision_recall", "curves", "roc"],
    "step": 0,
    "showRunParams": False,
    "runsCountToCompare": 10,
    "deleted": False,
    "isGenerated": False,
}
VIEW_STATE = {
    "orderByKey": RANK_COLUMN,
    "orderByAsc": False,
    "selectedColumns": COLUMNS,
    "compareRunSections": [PICTURES_SECTION],
    "compareRunCharts": [PICTURE_GRID],
}
SAVED_VIEW = {
    "name": "Leaderboard",
    "createdAt": 0,
    "updatedAt": 0,
    "state": json.dumps(VIEW_STATE),
}
EXPERIMENT_NOTE = (
    "Kept equal to the project's files by `dvc repro`; the run above the others holds the report. "
    "A curve has one point per epoch. Where an earlier epoch than the last was kept, "
    "validation/accuracy, validation/precision and validation/recall have one more, after the "
    "last epoch: the kept model."
)
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": EXPERIMENT_NOTE,
    # A saved view as the UI itself writes one; it is listed under "Views".
    f"mlflow.sharedViewState.{VIEW}": json.dumps(SAVED_VIEW),
}


def build_run_tags(index: int) -> dict[str, str]:
    """Return the tags that unfold the runs' parent, and give run `index` the report's colour."""
    # The UI unfolds the parent of runs of this type, and of no other.
    return {"mlflow.runType": "evaluation", "mlflow.runColor": Style(index).color}


def format_experiment_link(where: StoreLocation, experiment: str) -> str | None:
    """Return where a browser shows the experiment; the project's own store once `make ui` runs."""
    own = where.database is not None and where.database.parent == where.root
    if not own and not where.display_name.startswith("http"):
        return None
    server = "http://127.0.0.1:5000" if own else where.display_name.rstrip("/")
    query = f"workflowType=machine_learning&viewStateShareKey={VIEW}"
    return f"{server}/#/experiments/{experiment}/runs?{query}"

"""Parameters as MLflow takes them: flat, and all of them text."""

import json

from stages.core.params import Params
from stages.core.validation import Section

LONGEST_VALUE = 6000  # characters that MLflow takes


def settings(params: Params) -> dict[str, str]:
    """Return how the data was made; what can only refuse data is left out."""
    sections = {"data.": params.data, "split.": params.split, "preprocess.": params.preprocess}
    told = {key: text for name, part in sections.items() for key, text in flat(part, name).items()}
    return {key: text for key, text in told.items() if not key.endswith("max_rejected_fraction")}


def flat(section: Section, prefix: str) -> dict[str, str]:
    """Return a section as MLflow parameters, named as `dvc exp run -S` names them.

    What is no text is JSON, a mapping of class names included: they may be no legal key.
    """
    told: dict[str, str] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            told |= flat(value, f"{prefix}{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            told[prefix + name] = text[:LONGEST_VALUE]
    return told

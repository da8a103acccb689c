"""What a method is worth beside always answering the same, which some do themselves.

Whoever praises a run asks here, so that no sentence calls good what another one calls worthless.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from secondlook.evaluation.calibration import CalibrationBin
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import choose_verb, format_percent, join_names
from secondlook.evaluation.intervals import Difference
from secondlook.verdicts.case import Case

MAX_CHANCE_ERRORS = 2.0  # times the error that chance alone would show: what is beyond is told
METRIC_WORDS = {"log_loss": "log loss", "f1": "F1", "macro_f1": "macro F1", "roc_auc": "ROC AUC"}
BASELINE_METRICS = "accuracy", "log_loss"
MIN_ROC_AUC = 0.6  # the lower end: where answers are constant, but probabilities tell apart


def judge_constant(case: Case) -> Iterator[Verdict]:
    """Speak of runs that answer one class whatever they see: some number always likes that.

    Those that ran away are left to judge_diverged.
    """
    names = [run.name for run in case.results if run.fitting.kind != "diverged"]
    for k, label in enumerate(case.facts.classes):
        found = [name for name in names if case.find_constant_answer(name) == k]
        for told, tells in (
            ([name for name in found if _tells_apart(case, name)], True),
            ([name for name in found if not _tells_apart(case, name)], False),
        ):
            if told:
                yield Verdict(
                    rule="constant",
                    text=_describe_constant_answer(case, told, k, label)
                    + _describe_what_is_left(told, tells=tells),
                    evidence="classes",
                    runs=told,
                    weight=0.95,
                )


def _tells_apart(case: Case, name: str) -> bool:
    """Say whether probabilities certainly rise where they should, although no answer changes."""
    low = case.find_test_details(name).intervals["roc_auc"].low
    return low is not None and low > MIN_ROC_AUC


def _describe_constant_answer(case: Case, names: list[str], k: int, label: str) -> str:
    counts = [np.array(case.find_test_details(name).confusion) for name in names]
    nearly = "" if all(each.sum() == each[:, k].sum() for each in counts) else "nearly "
    right = [format_percent(case.find_run(name).metrics["test"].accuracy) for name in names]
    shares = join_names(right) if len(set(right)) > 1 else right[0]
    start = "By the more probable answer, " if case.asks_threshold else ""
    return (
        f"{start}{join_names(names)} {choose_verb(names, 'answers', 'answer')} “{label}” to "
        f"{nearly}every test image, which is right for {shares} of them"
    )


def _describe_what_is_left(names: list[str], *, tells: bool) -> str:
    """Return what a constant answer is worth: nothing, unless probabilities tell more."""
    its = choose_verb(names, "its", "their")
    if tells:
        return f"; only {its} probabilities tell classes apart (see the area under the ROC curve)."
    return (
        f", and {choose_verb(names, 'tells', 'tell')} nothing apart, however good some of {its} "
        "numbers look."
    )


def get_metric_words(metric: str) -> str:
    """Return a metric's name as a sentence has it."""
    return METRIC_WORDS.get(metric, metric.replace("_", " "))


def split_by_gain(found: Mapping[str, Difference]) -> tuple[list[str], list[str]]:
    """Return the metrics that are certainly better, and those that are certainly worse."""
    better = [name for name, d in found.items() if (d.down if name == "log_loss" else d.up)]
    worse = [name for name, d in found.items() if (d.up if name == "log_loss" else d.down)]
    return better, worse


def describe_worth(case: Case, name: str, who: str = "it") -> str:
    """Return by what a method beats the lazy baseline, by what it does not, and any doubts."""
    told: list[str] = []
    for words, metrics in _group_metrics(case, name).items():
        by = f"by {join_names(map(get_metric_words, metrics))}"
        relation = f"{who} is {words} always answering “{case.facts.lazy_class}”"
        told.append(f"{by} {words.rpartition(' ')[0] if told else relation}")
    doubts = (_describe_low_f1(case, name, who), describe_sureness(case, name, who))
    return "; ".join([", ".join(told), *filter(None, doubts)])


def describe_doubts(case: Case, name: str, who: str = "it") -> str:
    """Return what makes a gain of a method worth little; nothing where nothing does."""
    doubts = (describe_shortfall(case, name, who), describe_sureness(case, name, who))
    return " and ".join(filter(None, doubts))


def describe_shortfall(case: Case, name: str, who: str = "it") -> str:
    """Return by what a method is worse than always answering the same; nothing where it is not."""
    worse = _group_metrics(case, name).get("worse than")
    if not worse:
        return ""
    by = join_names(map(get_metric_words, worse))
    return f"by {by} {who} is worse than always answering “{case.facts.lazy_class}”"


def describe_sureness(case: Case, name: str, who: str = "it") -> str:
    """Return that a method is too sure, where it is so beyond chance."""
    return f"{who} is too sure of itself" if is_too_sure(case, name) else ""


def _describe_low_f1(case: Case, name: str, who: str) -> str:
    """Return that some constant answer has as high an F1, where it has."""
    f1, (constant, label) = case.find_estimate(name, "f1").value, compute_constant_f1(case)
    if f1 is None or f1 > constant:
        return ""
    whose = "its F1" if who == "it" else f"the F1 of {who}"
    return f"{whose} is no higher than the {format_percent(constant)} of always answering “{label}”"


def _group_metrics(case: Case, name: str) -> dict[str, list[str]]:
    """Return the metrics by what they say of a method beside the lazy baseline, worst first."""
    gain = case.comparison.find_method(name).gain
    groups: dict[str, list[str]] = {"worse than": [], "not distinguishable from": []}
    groups["better than"] = []
    better, worse = split_by_gain({metric: gain[metric] for metric in BASELINE_METRICS})
    for metric in BASELINE_METRICS:
        words = "better than" if metric in better else "not distinguishable from"
        groups["worse than" if metric in worse else words].append(metric)
    return {words: metrics for words, metrics in groups.items() if metrics}


def compute_constant_f1(case: Case) -> tuple[float, str]:
    """Return the highest F1 on test of answering one class to every image, and that class."""
    counts = case.facts.counts["test"]
    label = case.facts.positive or max(counts, key=lambda name: counts[name])
    share = counts[label] / case.image_count
    parts = 1 if case.facts.positive else len(counts)
    return 2 * share / (1 + share) / parts, label


def is_too_sure(case: Case, name: str) -> bool:
    """Say whether a method is less often right than it says, beyond chance."""
    found = find_telling_bin(case, name)
    return found is not None and compute_overconfidence(found) > 0


def find_telling_bin(case: Case, name: str) -> CalibrationBin | None:
    """Return the answers that tell most of a calibration error beyond chance; None within."""
    astray = [b for b in case.find_test_details(name).calibration.bins if b.misjudged]
    if compute_error_beyond_chance(case, name) <= 0 or not astray:
        return None
    return max(astray, key=lambda b: b.count * abs(compute_overconfidence(b)))


def compute_error_beyond_chance(case: Case, name: str) -> float:
    """Return by how much the calibration error of a method exceeds what chance would excuse."""
    found = case.find_test_details(name).calibration
    return (found.error or 0.0) - MAX_CHANCE_ERRORS * (found.chance or 0.0)


def compute_overconfidence(found: CalibrationBin) -> float:
    """Return how much surer than right these answers are, 0..1 or below 0."""
    return (found.confidence or 0.0) - (found.accuracy.value or 0.0)

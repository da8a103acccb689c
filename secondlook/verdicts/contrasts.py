"""What one choice changed: weights of classes, a pretrained network, its fine-tuning.

Two methods are held against each other. Those with and without class weights, or fine-tuning,
differ in nothing else; of those with and without a pretrained network the best on validation of
either kind are taken, however they differ beside that.
"""

from collections.abc import Iterator

from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import (
    NO_BREAK,
    format_count,
    format_losses_apart,
    format_percent,
    format_points,
    format_points_interval,
    join_names,
)
from secondlook.evaluation.intervals import Difference
from secondlook.verdicts.case import Case
from secondlook.verdicts.worth import (
    describe_doubts,
    describe_shortfall,
    get_metric_words,
    split_by_gain,
)

# What is told of weighting, whatever it did, and what more only where it changed for certain.
WEIGHTING_METRICS, FURTHER_METRICS = ("recall", "precision", "accuracy"), ("f1", "log_loss")


def judge_weighting(case: Case) -> Iterator[Verdict]:
    """Speak of every pair of methods that differ in class_weight alone."""
    for plain, weighted in case.comparison.weighting:
        if not case.is_sound(weighted) or case.has_diverged(plain):
            continue  # recall is no gain of a run that answers the same to everything
        every = case.comparison.find_pair(plain, weighted).differences
        found = {name: every[name] for name in (*WEIGHTING_METRICS, *FURTHER_METRICS)}
        told = ", ".join(
            _describe_metric_change(case, plain, weighted, name)
            for name, difference in found.items()
            if name in WEIGHTING_METRICS or difference.distinguishable
        )
        yield Verdict(
            rule="weighting",
            text=f"{_summarize_weighting(found, every)} ({weighted} against {plain}): {told}.",
            evidence="weighting",
            runs=[plain, weighted],
            weight=0.75,
        )


def _summarize_weighting(found: dict[str, Difference], every: dict[str, Difference]) -> str:
    """Return in a few words what weighting bought, and at the price of what.

    found: the metrics that are told; every: all there are.
    """
    better, worse = split_by_gain(found)
    gains, price = (
        join_names(map(get_metric_words, metrics)) if metrics else "" for metrics in (better, worse)
    )
    if "recall" in better:
        return f"Weighting {_describe_bought_recall(gains, price)}"
    if not gains:
        apart = any(difference.distinguishable for difference in every.values())
        told = f" to {join_names(map(get_metric_words, found))}" if apart else ""
        nothing = f"What weighting did{told} is not distinguishable from chance"
        return f"Weighting cost {price}, and bought nothing that shows" if price else nothing
    if "recall" in worse:
        return "Weighting did not do what it is for"
    told = f"Weighting improved {gains}{f' at the price of {price}' if price else ''}"
    return f"{told}, but recall, which it is for, not distinguishably"


def _describe_bought_recall(gains: str, price: str) -> str:
    """Return what recall came with; a loss is not raised or bought, but a lower one is."""
    if price:
        lower, higher = (f"a {way} log loss" for way in ("lower", "higher"))
        return f"bought {gains.replace('log loss', lower)} with {price.replace('log loss', higher)}"
    if gains == "recall":
        return "bought recall, at no price that shows"
    return f"{'improved' if 'log loss' in gains else 'raised'} {gains}"


def _describe_metric_change(case: Case, plain: str, weighted: str, metric: str) -> str:
    before, after = (
        _format_value(metric, case.find_estimate(name, metric).value) for name in (plain, weighted)
    )
    found, words = case.find_difference(plain, weighted, metric), get_metric_words(metric)
    if not found.distinguishable:
        return f"{words} not distinguishable ({before} and {after})"
    way = "up" if found.up else "down"
    if metric == "log_loss":
        return f"{words} {way} {abs(found.value or 0.0):.3f} to {after}"
    return f"{words} {way} {format_points(found.value)} to {after} {format_points_interval(found)}"


def _format_value(metric: str, value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.3f}" if metric == "log_loss" else format_percent(value)


# What is told of a pretrained network, whatever it brought.
BROUGHT_METRICS = ("f1", "log_loss")


def judge_pretraining(case: Case) -> Iterator[Verdict]:
    """Speak of what a pretrained network brought, the best with one against the best without.

    Both by F1 on validation, of methods that answer by what they see. One of them is the best of
    all, which every other method is compared with. What fine-tuning brought is told where a method
    differs from that with the network in nothing else.
    """
    sound = [name for name in case.comparison.ranking if case.is_sound(name)]
    having = next((name for name in sound if case.find_backbone(name)), None)
    without = next((name for name in sound if not case.find_backbone(name)), None)
    if having is None or without is None or not case.is_compared(without, having):
        return
    backbone = case.find_backbone(having)
    tuning = [
        pair for pair in case.comparison.fine_tuning if having in pair and set(pair) <= set(sound)
    ]
    told = _describe_brought(
        case,
        f"beginning from {backbone} ({_describe_tuned_part(case, having)})",
        (without, having),
        f"{having} against {without}, the best on validation from scratch",
    )
    for pair in tuning[:1]:
        told += " " + _describe_brought(
            case, "fine-tuning", pair, f"{pair[1]} against {pair[0]}, the same without it"
        )
    note = (
        f"Keras's weights of {backbone} were learned from the photographs of ImageNet: if your "
        "test pictures, or very similar ones, are among these, test is too kind to it."
    )
    pairs = [(having, without), *tuning[:1]]
    yield Verdict(
        rule="pretraining",
        text=f"{told} {note}",
        evidence="differences",
        runs=list(dict.fromkeys(name for pair in pairs for name in pair)),
        weight=0.74,
    )


def _describe_tuned_part(case: Case, name: str) -> str:
    """Return what of a pretrained network learned."""
    tuned = case.find_run(name).training.parameters.get("fine_tune")
    if tuned is None:
        return "only its head trained"
    if tuned["blocks"] == "all":
        return "all of it fine-tuned"
    blocks = format_count(tuned["blocks"], "block")
    return f"its last {blocks} fine-tuned"


def _describe_brought(case: Case, what: str, pair: tuple[str, str], who: str) -> str:
    """Return what a choice did to F1 and log loss, number by number, and what makes it doubtful.

    pair: the method without and that with it; who: the same in words.
    """
    differences = case.comparison.find_pair(*pair).differences
    found = {name: differences[name] for name in BROUGHT_METRICS}
    numbers = ", ".join(_describe_brought_metric(case, pair, name) for name in found)
    better, _ = split_by_gain(found)
    doubts = (describe_doubts if better else describe_shortfall)(case, pair[1], pair[1])
    return f"{_summarize_brought(what, found)} ({who}): {numbers}{f'; {doubts}' if doubts else ''}."


def _summarize_brought(what: str, found: dict[str, Difference]) -> str:
    """Return in a few words which metrics became better, and which worse."""
    better, worse = (
        join_names(map(get_metric_words, metrics)) if metrics else ""
        for metrics in split_by_gain(found)
    )
    started = what[0].upper() + what[1:]
    if better:
        return f"{started} improved {better}{f', but made {worse} worse' if worse else ''}"
    if worse:
        return f"{started} made {worse} worse"
    told = join_names(map(get_metric_words, found))
    return f"What {what} did to {told} is not distinguishable from chance"


def _describe_brought_metric(case: Case, pair: tuple[str, str], metric: str) -> str:
    """Return a metric's change with the interval that holds together with all others."""
    found = case.find_difference(*pair, metric)
    if metric != "log_loss" or not found.distinguishable:
        return _describe_metric_change(case, *pair, metric)
    before, after = format_losses_apart(*(case.find_estimate(name, metric).value for name in pair))
    low, high = ((0.0 if end is None else end) for end in found.ends)
    way = "up" if found.up else "down"
    interval = f"(95{NO_BREAK}%: {low:+.3f} to {high:+.3f})"
    return f"{get_metric_words(metric)} {way} from {before} to {after} {interval}"

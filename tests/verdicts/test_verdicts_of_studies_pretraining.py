"""What is said of pretrained networks in generated studies holds in the files."""

import re
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import (
    format_losses_apart,
    format_percent,
    format_points,
    format_points_interval,
)
from secondlook.verdicts.case import Case
from secondlook.verdicts.verdicts import list_verdicts
from tests.support.built_studies import build_case
from tests.support.studies import HEAD, TUNED, StudyPlan, draw_study

PAIR = re.compile(
    r"\((\w) against (\w), the (?:best on validation from scratch|same without it)\): "
)
WORDS = {"F1": "f1", "log loss": "log_loss"}


def add_pretrained(plan: StudyPlan) -> StudyPlan:
    """Return the study with a head alone, and the same fine-tuned."""
    if len(plan.runs) > 4:
        plan = replace(plan, runs=plan.runs[:4])
    first = plan.runs[0]
    scratch = {key: value for key, value in first.parameters.items() if key not in TUNED}
    return replace(
        plan,
        runs=[
            replace(first, parameters=scratch),
            *plan.runs[1:],
            replace(first, skill=3.0, answer=None, parameters=scratch | HEAD),
            replace(first, skill=first.skill + 1, parameters=scratch | TUNED),
        ],
    )


def check_pair(case: Case, summary: str, pair: tuple[str, str], numbers: str) -> None:
    """Hold the summary and the numbers of a pair (without, with) against the files."""
    found = case.comparison.find_pair(*pair).differences
    for words, metric in WORDS.items():
        difference = found[metric]
        better, worse = difference.up, difference.down
        if metric == "log_loss":
            better, worse = worse, better
        assert bool(re.search(rf"improved [^,]*{words}", summary)) == better, summary
        assert bool(re.search(rf"made [^(]*{words}.* worse", summary)) == worse, summary
        before, after = (case.find_estimate(name, metric).value for name in pair)
        if not (better or worse):
            assert f"{words} not distinguishable (" in numbers
        elif metric == "f1":
            assert f"{format_points(difference.value)} to {format_percent(after)}" in numbers
            assert format_points_interval(difference) in numbers
        else:
            told = format_losses_apart(before, after)
            assert f"{words} {'down' if better else 'up'} from {told[0]} to {told[1]} (" in numbers
            assert difference.joint_low is not None
            assert f"{difference.joint_low:+.3f} to {difference.joint_high:+.3f}" in numbers
    if not any(found[metric].distinguishable for metric in WORDS.values()):
        assert "did to F1 and log loss is not distinguishable from chance" in summary
    if case.is_worse_than_lazy(pair[1]):
        assert re.search(rf"{pair[1]} is worse than always answering", numbers)


def check_pretraining(case: Case, verdict: Verdict) -> None:
    """See that the best of either kind are compared, and that nothing is said of unsound ones."""
    places = list(PAIR.finditer(verdict.text))
    ranked = [name for name in case.comparison.ranking if case.is_sound(name)]
    having, without = places[0].groups()
    assert having == next(name for name in ranked if case.find_backbone(name))
    assert without == next(name for name in ranked if not case.find_backbone(name))
    ends = [*(place.start() for place in places[1:]), len(verdict.text)]
    start = 0
    for place, end in zip(places, ends, strict=True):
        names = place[2], place[1]
        assert all(map(case.is_sound, names))
        check_pair(
            case, verdict.text[start : place.start()], names, verdict.text[place.end() : end]
        )
        start = verdict.text.rindex(". ", 0, end) if end < len(verdict.text) else end


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=draw_study().map(add_pretrained))
def test_what_a_pretrained_network_brought_is_in_the_files(project: Path, plan: StudyPlan) -> None:
    """It speaks wherever the best on validation is sound, and so is one of the other kind."""
    assert project == Path.cwd()
    case = build_case(plan)
    told = [verdict for verdict in list_verdicts(case) if verdict.rule == "pretraining"]
    kinds = {bool(case.find_backbone(name)) for name in case.names if case.is_sound(name)}
    if case.is_sound(case.best) and len(kinds) == 2:
        assert told
    for verdict in told:
        check_pretraining(case, verdict)

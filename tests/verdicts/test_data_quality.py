"""What is said of the images themselves, and when nothing is."""

from dataclasses import replace

from secondlook.evaluation.confusion import ConfusedPair, MisclassifiedImage
from secondlook.evaluation.run_artifacts import RunResult
from secondlook.verdicts import data_quality
from tests.support.datasets import make_duplicate_counts, make_near_duplicate_counts
from tests.support.results import make_case, make_result, replace_test_details


def test_images_in_two_splits_are_told() -> None:
    """Identical ones, and those that look like one that was trained on."""
    copies = make_duplicate_counts(9, 0, 4)
    alike = make_near_duplicate_counts(9, 9, 9, 1)
    identical, similar = data_quality.judge_leak(
        make_case(make_result("only"), copies=copies, alike=alike)
    )
    assert identical.text.startswith("4 images with identical copies are in more than one split")
    assert similar.text.startswith("1 image of validation and test looks almost like one of")
    assert identical.weight > similar.weight


def test_conflicting_labels_are_told() -> None:
    """With where to find them."""
    copies = make_duplicate_counts(9, 2, 0)
    [verdict] = data_quality.judge_label_conflict(make_case(make_result("only"), copies=copies))
    assert verdict.text.startswith("2 images have an identical copy with another label")
    assert "data/split/duplicates.csv" in verdict.text


def test_clean_data_are_not_talked_about() -> None:
    """Copies of one class in one split do no harm."""
    clean = make_case(make_result("only"), copies=make_duplicate_counts(9, 0, 0))
    assert not [*data_quality.judge_leak(clean), *data_quality.judge_label_conflict(clean)]


def test_images_of_hardly_any_levels_are_told() -> None:
    """Two greys side by side are nearly nothing; black and white may be all that was drawn."""
    given = make_case(make_result("only"))

    def judge(*used: int) -> list[str]:
        histogram = [int(level in used) for level in range(256)]
        pixels = given.facts.pixels.model_copy(update={"histogram": histogram})
        facts = given.facts.model_copy(update={"pixels": pixels})
        return [verdict.text for verdict in data_quality.judge_faint(replace(given, facts=facts))]

    [told] = judge(0, 1)
    assert told.startswith("All training images lie between the levels 0 and 1 of 0 to 255")
    assert "`preprocess.contrast: stretch`" in told
    assert judge(40, 44, 59)
    assert judge(0, 255) == judge(*range(256)) == []


def test_other_shares_of_classes_in_test_are_told() -> None:
    """Half of training is "a", but a quarter of test; a few images more or less are chance."""
    counts = {"train": {"a": 500, "b": 500}, "validation": {"a": 9, "b": 9}}
    given = make_case(make_result("only"))
    facts = given.facts.model_copy(update={"counts": counts | {"test": {"a": 50, "b": 150}}})
    [verdict] = data_quality.judge_shifted(replace(given, facts=facts))
    assert "is 25.0" in verdict.text
    assert "training 50.0" in verdict.text
    few = given.facts.model_copy(update={"counts": counts | {"test": {"a": 8, "b": 12}}})
    assert not [
        *data_quality.judge_shifted(given),
        *data_quality.judge_shifted(replace(given, facts=few)),
    ]


def make_image(confidence: float) -> MisclassifiedImage:
    """Return an "a" that is taken for a "b"."""
    return MisclassifiedImage(
        index=3, id="x/1.png", true="a", predicted="b", confidence=confidence, loss=2.0
    )


def make_knowing_run(name: str, recall: float = 0.9) -> RunResult:
    """Return a run that finds so much of the class "a"."""
    scores = make_result(name).details["test"].per_class
    known = {"a": scores["a"].model_copy(update={"recall": recall})}
    return replace_test_details(make_result(name), per_class=scores | known)


def test_images_that_all_runs_get_wrong_are_told() -> None:
    """The surest, for a start, by its name, with what it is called."""
    runs = [make_knowing_run(name) for name in ("one", "two", "three")]
    [verdict] = data_quality.judge_wrong_everywhere(
        make_case(*runs, wrong=[make_image(0.96), make_image(0.5)])
    )
    assert verdict.text.replace("\N{NO-BREAK SPACE}", " ") == (
        "2 test images are answered wrong by all 3 runs, most surely x/1.png: labelled “a”, called "
        "“b” with 96.0 %. Check their labels."
    )
    [alone] = data_quality.judge_wrong_everywhere(make_case(*runs, wrong=[make_image(0.96)]))
    assert alone.text.startswith("1 test image is answered wrong")
    assert alone.text.endswith("Check its label.")
    many = [make_image(0.96)] * 11  # of 200
    [verdict] = data_quality.judge_wrong_everywhere(make_case(*runs, wrong=many))
    assert verdict.text.endswith(
        "So many are hardly wrong labels: look at what sets them apart from training."
    )


def test_doubtful_mistakes_cast_no_doubt_on_labels() -> None:
    """Nor do those of two runs only, nor none, nor of runs that hardly know the class."""
    runs = [make_knowing_run(name) for name in ("one", "two", "three")]
    blind = [*runs[:2], make_knowing_run("blind", recall=0.3)]
    assert not list(
        data_quality.judge_wrong_everywhere(make_case(*blind, wrong=[make_image(0.96)]))
    )
    assert not list(data_quality.judge_wrong_everywhere(make_case(*runs, wrong=[make_image(0.5)])))
    assert not list(
        data_quality.judge_wrong_everywhere(make_case(*runs[:2], wrong=[make_image(0.96)]))
    )
    assert not list(data_quality.judge_wrong_everywhere(make_case(*runs)))


def test_the_most_confused_classes_are_told() -> None:
    """Where they are a good part of all mistakes, and there are more than two classes."""
    often = ConfusedPair(true="a", predicted="b", count=40, share=0.4)
    rarely = ConfusedPair(true="a", predicted="b", count=14, share=0.14)
    only = make_result("only", accuracy=0.5)
    [verdict] = data_quality.judge_confused(
        make_case(only, classes="abc", positive=None, confused=[often])
    )
    assert verdict.text == "only most often takes “a” for “b”: 40 of its 150 mistakes on test."
    assert not list(
        data_quality.judge_confused(
            make_case(only, classes="abc", positive=None, confused=[rarely])
        )
    )
    assert not list(data_quality.judge_confused(make_case(only, classes="abc", positive=None)))
    assert not list(data_quality.judge_confused(make_case(only, confused=[often])))

"""The page, the tables and the pictures of all runs."""

from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.config.params import load_params
from secondlook.report import text
from stages import report as stages_report
from tests.support import report as support_report
from tests.support.report import ReportPage, write_evaluated_runs, write_report

NASTY = "<script>alert(1)</script>"
MATHS = "$x^2$ & “ж”"


@pytest.fixture(scope="module")
def eights(tmp_path_factory: pytest.TempPathFactory) -> ReportPage:
    """Give the page of two runs that ask whether it is an eight."""
    return support_report.write_eights_report(tmp_path_factory.mktemp("eights"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> ReportPage:
    """Give the page of one run with more classes than a matrix shows, two of them nasty."""
    return write_report(
        tmp_path_factory.mktemp("many"),
        classes=[*(f"class {i}" for i in range(20)), NASTY, MATHS],
        positive=None,
        skills={"only": 0.5},
        counts={"train": 60, "validation": 60, "test": 200},
    )


def test_the_page_needs_no_network(eights: ReportPage) -> None:
    """Nothing on it is fetched from anywhere."""
    assert not {"link", "iframe"} & {tag for tag, _ in eights.tags}
    assert eights.find_all("script") == [{}]
    assert all(str(image["src"]).startswith("data:image/") for image in eights.find_all("img"))
    assert "url(http" not in eights.text
    links = [attributes["href"] or "" for attributes in eights.find_all("a")]
    assert links
    assert all(link.startswith("#") for link in links)


def test_every_link_leads_somewhere(eights: ReportPage) -> None:
    """The table of contents names sections of the page, and no id stands twice."""
    ids = [attributes["id"] for _, attributes in eights.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {
        str(attributes["href"]).removeprefix("#") for attributes in eights.find_all("a")
    } <= set(ids)


def test_the_page_can_be_heard(eights: ReportPage) -> None:
    """Figures have a text alternative; tables have captions, and headers say what they head."""
    figures = [a for a in eights.find_all("svg") if a.get("aria-hidden") != "true"]
    # overview, learning, curves; reliability and histogram; thresholds
    assert len(figures) == 2 + 2 + 2 + 2 * 2 + 2
    assert all(a["role"] == "img" and a["aria-label"] for a in figures)
    assert len(eights.find_all("caption")) == len(eights.find_all("table"))
    assert all("scope" in attributes for attributes in eights.find_all("th"))


def test_the_lazy_baseline_stands_among_the_runs(eights: ReportPage) -> None:
    """The leaderboard has a row for always saying no, after the runs that beat it."""
    names = [row["run"] for row in files.read_csv(eights.folder / "leaderboard.csv")]
    assert names == ["weighted", "unweighted", 'always "not 8"']
    assert 'always "not 8"' in eights.words


def test_a_run_is_found_in_every_figure(eights: ReportPage) -> None:
    """Its lines carry its name, so that they can be hidden."""
    groups = [a for a in eights.find_all("g") if a.get("data-run") == "weighted"]
    # validation and mark twice; training, validation and mark twice; curve and mark, ROC;
    # precision, recall and their marks
    assert len(groups) == 4 + 6 + 3 + 4


def test_what_is_known_comes_first_each_with_its_evidence(eights: ReportPage) -> None:
    """The verdicts of compare stand before the first section, and link to sections."""
    told = files.read_json(eights.folder.parent / "compare" / "verdicts.json")
    assert told
    words = [words.split(" ")[0] for words in eights.words if words]
    assert words.count("evidence") == len(told)
    assert all(text.format_code(verdict["text"]) in eights.text for verdict in told)
    assert eights.text.index("What is known") < eights.text.index("<section")


def test_differences_are_shown_with_their_intervals(eights: ReportPage) -> None:
    """Each pair is a row that both of its runs hide; what chance would do is not in bold."""
    rows = [a for a in eights.find_all("tr") if " " in str(a.get("data-run"))]
    assert {row["data-run"] for row in rows} == {"unweighted weighted", "weighted unweighted"}
    assert any("right alone" in words for words in eights.words)
    assert "What weighting did" in eights.words


def test_without_a_comparison_the_page_says_nothing_of_differences(project: Path) -> None:
    """Verdicts and differences are left out, the rest stands."""
    write_evaluated_runs(skills={"unweighted": 1.0})
    stages_report.run(load_params())
    page = ReportPage(project / "data" / "report")
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert "leaderboard" in ids
    assert not {"differences", "weighting"} & ids
    assert "What is known" not in page.words


def test_seeds_of_one_method_are_shown_with_their_spread(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Runs that differ in their seed alone are one row, with the deviation between them."""
    folder = tmp_path_factory.mktemp("seeds")
    page = write_report(folder, skills={"a": 1.0, "b": 1.2, "c": 2.0}, changes=[{}, {"seed": 2}])
    assert "2 seeds" in page.words
    assert any(words.startswith("± 0.") for words in page.words)


def test_every_number_of_a_run_has_its_interval(eights: ReportPage) -> None:
    """Below each number of the leaderboard stand the ends of its interval; lazy has none."""
    intervals = [a for a in eights.find_all("span") if a.get("title") == "95 % interval"]
    assert len(intervals) == 2 * 10


def test_a_chosen_threshold_shows_both_matrices(
    eights: ReportPage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With a rule for the operating point each run has its two confusion matrices on test."""
    folder = tmp_path_factory.mktemp("chosen")
    rule: dict[str, object] = {"operating_point": {"recall": 0.9}}
    page = write_report(folder, skills={"unweighted": 1.0, "weighted": 3.0}, options=rule)
    matrices = [a for a in page.find_all("table") if "two" in str(a.get("class"))]
    assert len(matrices) == 2 * 2
    assert not [a for a in eights.find_all("table") if "two" in str(a.get("class"))]
    assert any("a recall of at least 0.9 on validation" in words for words in page.words)


def test_every_class_is_seen(eights: ReportPage, many: ReportPage) -> None:
    """A contact sheet for each class says of what it is, and how many of how many it shows."""
    for page, last, size in ((eights, "8", 2), (many, MATHS, 22)):
        sheets = [str(image["alt"]) for image in page.find_all("img")]
        sheets = [alt for alt in sheets if "training images of" in alt]
        assert len(sheets) == size
        assert sheets[-1].endswith(f"training images of {last}")


def test_the_mistakes_are_seen(eights: ReportPage) -> None:
    """Images wrong everywhere and the hardest of each run: what they are, and taken for what."""
    mistakes = files.read_json(eights.folder.parent / "compare" / "comparison.json")["mistakes"]
    assert mistakes["wrong_everywhere_count"]
    told = f"Wrong in every run: {mistakes['wrong_everywhere_count']}"
    assert any(words.startswith(told) for words in eights.words)
    shown = {str(image["alt"]) for image in eights.find_all("img")}
    for image in (mistakes["wrong_everywhere"][0], mistakes["hardest"]["weighted"][0]):
        assert f"Test image {image['id']}" in shown


def test_names_of_classes_are_only_text(many: ReportPage) -> None:
    """Markup and formulas in a class name show as they are written, in figures too."""
    assert len(many.find_all("script")) == 1
    assert NASTY not in many.text
    figures = many.text[many.text.index('id="curves"') :]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</text>" in figures
    assert MATHS in many.words


def test_many_classes_are_cut_down_and_it_says_so(many: ReportPage) -> None:
    """A matrix shows the ten most confused and all others together; a list opens on demand."""
    assert "others" in many.words
    assert any("these are the 10 with the most mistakes" in words for words in many.words)
    assert "All 22 classes" in many.words
    assert "The numbers of only" in many.words
    assert len(many.find_all("details")) == 5
    assert "thresholds" not in {attributes.get("id") for _, attributes in many.tags}

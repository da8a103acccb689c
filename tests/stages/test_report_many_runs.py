"""A page of many runs: the best and the reference are shown first, the others folded away."""

import re
from pathlib import Path

import pytest

from secondlook.config.params import load_params
from secondlook.evaluation import run_artifacts
from secondlook.report import context, leaderboard, tables, thumbnails
from secondlook.report.render import render_page
from stages import compare
from tests.support.project import enter_project
from tests.support.report import ReportPage, write_evaluated_runs

# Three runs guess, of which the first is the reference.
SKILLS = {f"trial-{i}": 0.0 if i < 3 else 2.0 + i / 10 for i in range(13)}
SHOWN, FOLDED = {"trial-0", *list(SKILLS)[3:]}, {"trial-1", "trial-2"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> ReportPage:
    """Give the page of a sweep of thirteen runs of one question."""
    folder = tmp_path_factory.mktemp("sweep")
    with enter_project(folder):
        sweep = [{"dropout": i / 20} for i in range(len(SKILLS))]
        write_evaluated_runs(skills=SKILLS, changes=sweep)
        compare.run(load_params())
        compared = tables.load_comparison_view()
        assert compared is not None
        arranged = leaderboard.arrange_study(run_artifacts.load_study(load_params()))
        album = thumbnails.load_mistake_gallery(arranged.shown, compared.mistakes)
        shown = context.build_context(arranged, compared, [], album, []) | {
            "service": None,
            "sweeps": [],
        }
        page = render_page("report.html.j2", shown)
        Path("report.html").write_text(page, encoding="utf-8")
    return ReportPage(folder)


def test_every_run_has_its_numbers_and_the_best_their_charts(page: ReportPage) -> None:
    """The numbers of all stand in tables; only those shown first have figures of their own."""
    figures = {run["data-run"] for run in page.find_all("figure") if "data-run" in run}
    assert figures == SHOWN
    rows = [run["data-run"] for run in page.find_all("tr") if "data-run" in run]
    # On the leaderboard, in the tables of certainty, operating points and parameters.
    assert all(rows.count(name) >= 4 for name in SKILLS)


def test_what_is_folded_away_needs_no_script(page: ReportPage) -> None:
    """It lies in elements that any browser unfolds, which say how much there is."""
    folds = page.text.split("<details>")[1:]
    others = [fold.partition("</details>")[0] for fold in folds if "The other 2 " in fold]
    # Of the leaderboard, certainty, thresholds, parameters, and differences to two of the runs.
    assert len(others) == 6
    for fold in others:
        # A difference is of two runs, of which the last gives the row its name.
        rows = {names.split()[-1] for names in re.findall(r'<tr data-run="([^"]+)"', fold)}
        assert rows == FOLDED


def test_the_page_says_what_it_shows(page: ReportPage) -> None:
    """How many runs there are, how many are shown, and where the others are."""
    [said] = [words for words in page.words if words.startswith("Of 13 runs")]
    assert "only these 11" in said


def test_the_lazy_baseline_is_never_folded_away(page: ReportPage) -> None:
    """It stands on the leaderboard that is seen at once, however good the runs."""
    first = page.text.partition('aria-label="Leaderboard"')[2].partition("<details>")[0]
    assert "always &#34;not 8&#34;" in first

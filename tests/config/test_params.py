"""params.yaml is taken as a whole or refused in one line, before anything heavy is imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from secondlook.config.errors import ParamsError
from secondlook.config.params import Params, load_params
from tests.support.params import load_edited_params, read_refusal
from tests.support.project import ROOT

HEAVY = ("tensorflow", "keras", "sklearn", "scipy", "mlflow", "pandas", "matplotlib", "PIL", "rich")
POINT = "evaluate.operating_point: found"


@pytest.mark.usefixtures("project")
class TestParams:
    """What params.yaml may say; each test in a folder with a copy of it."""

    def test_every_run_is_the_defaults_with_its_changes(self) -> None:
        """`overfit` trains longer and weighted; all else is as in `train`."""
        params = load_params()
        difference = {
            key: value
            for key, value in params.run("overfit").model_dump().items()
            if value != params.train.model_dump()[key]
        }
        assert set(difference) == {"class_weight", "epochs"}
        shared = params.train.model_dump(exclude={"checkpoint_seconds"})
        assert params.run("unweighted").model_dump() == shared

    def test_no_run_has_what_changes_no_result(self) -> None:
        """How often a training is saved is said once, for all runs."""
        told = read_refusal("runs.unweighted", "unweighted: {checkpoint_seconds: 5}")
        assert "runs.unweighted.checkpoint_seconds: unknown key" in told

    def test_an_unknown_run_is_told_with_the_known(self) -> None:
        """The valid names are listed."""
        with pytest.raises(
            ParamsError, match=r"runs: no run 'wieghted'; expected unweighted, .* or"
        ):
            load_params().run("wieghted")

    def test_numbers_are_what_dvc_takes_them_for(self) -> None:
        """`dvc exp run -S train.learning_rate=0.00001` writes 1e-05; 017 is 17."""
        rate = load_edited_params("train.learning_rate", "learning_rate: 1e-05")
        assert rate.train.learning_rate == 0.00001
        assert load_edited_params("split.seed", "seed: 017").split.seed == 17
        assert type(load_params().split.seed) is int

    @pytest.mark.parametrize(
        ("text", "rule", "target"),
        [
            ("default", "default", None),
            ("best_f1", "best_f1", None),
            ("{recall: 0.9}", "recall", 0.9),
            ("{precision: 1}", "precision", 1.0),
        ],
    )
    def test_an_operating_point_is_a_rule_and_its_target(
        self, text: str, rule: str, target: float | None
    ) -> None:
        """Each of the four forms that params.yaml tells of."""
        found = load_edited_params("evaluate.operating_point", f"operating_point: {text}").evaluate
        assert (found.operating_point.rule, found.operating_point.target) == (rule, target)

    @pytest.mark.parametrize(
        ("key", "line", "told"),
        [
            ("data.source", "source: ix", "data.source: found 'ix'; expected 'idx', 'folder' or"),
            ("data.path", "pth: data", "data.pth: unknown key; did you mean path?"),
            ("data.positive", "positive: true", "data.positive: found true; expected null or text"),
            ("split.test", "test: 30", "split.test: found 30; expected less than 1"),
            ("split.test", "test: 0.8", "split: validation + test is 1; expected below 1"),
            ("preprocess.channels", "channels: 4", "preprocess.channels: found 4; expected 1 or 3"),
            ("preprocess.height", "height: 0", "preprocess.height: found 0; expected 1 or more"),
            ("preprocess.contrast", "contrast: no", "preprocess.contrast: found 'no'; expected"),
            ("train.epochs", "epochs: ten", "train.epochs: found 'ten'; expected a whole number"),
            (
                "train.checkpoint_seconds",
                "checkpoint_seconds: -1",
                "train.checkpoint_seconds: found",
            ),
            ("train.class_weight", "class_weight: {}", "train.class_weight: found {}; expected"),
            ("train.class_weight", "class_weight: {a: -1}", "train.class_weight: found {'a': -1}"),
            (
                "train.class_weight",
                "class_weight: {true: 1}",
                "train.class_weight: found {True: 1}",
            ),
            ("train.augment", "augment: {}", "train.augment.rotation: missing key; add it"),
            ("runs.unweighted", "unweighted:", "runs.unweighted: found null; expected a mapping"),
            (
                "runs.unweighted",
                "a b: {}",
                "runs.a b: found 'a b'; expected letters, digits, - and",
            ),
            ("runs.unweighted", "../x: {}", "runs.../x: found '../x'; expected letters, digits"),
            ("runs.unweighted", "x: {epoch: 1}", "runs.x.epoch: unknown key; did you mean epochs?"),
            ("runs.unweighted", "x: {epochs: 0}", "runs.x.epochs: found 0; expected 1 or more"),
            ("runs.unweighted", "weighted: {}", "line "),
            ("evaluate.curve_points", "curve_points: 9", "evaluate.curve_points: found 9; expec"),
            (
                "evaluate.operating_point",
                "operating_point: best",
                f"{POINT} 'best'; expected defau",
            ),
            ("evaluate.operating_point", "operating_point: null", f"{POINT} null; expected defau"),
            (
                "evaluate.operating_point",
                "operating_point: {recall: 2}",
                f"{POINT} {{'recall': 2}};",
            ),
            (
                "evaluate.operating_point",
                "operating_point: {f1: 0.9}",
                f"{POINT} {{'f1': 0.9}}; ex",
            ),
            (
                "evaluate.operating_point",
                "operating_point: {recall: 0.9, precision: 0.9}",
                f"{POINT} {{'recall': 0.9, 'precision': 0.9}}; expected default, best_f1, {{r",
            ),
            (
                "report.reference",
                "reference: x",
                "report.reference: found 'x'; expected unweighted",
            ),
        ],
    )
    def test_mistakes_in_one_line(self, key: str, line: str, told: str) -> None:
        """Unknown, missing, of the wrong type, out of range, at odds: the key is named."""
        assert load_edited_params("split.validation", "validation: 0.2")
        assert read_refusal(key, line).startswith(f"params.yaml: {told}")

    @pytest.mark.parametrize("runs", ["runs: {}", "runs:", "runs: []"])
    def test_no_runs_at_all(self, runs: str) -> None:
        """At least one is needed."""
        path = Path("params.yaml")
        text = re.sub(r"(?ms)^runs:.*?(?=^evaluate:)", f"{runs}\n", path.read_text("utf-8"))
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ParamsError, match=r"params\.yaml: runs: found .*; expected a"):
            load_params()

    def test_what_only_idx_knows(self) -> None:
        """`transpose` and `class_names` with another source are refused, not ignored."""
        assert load_edited_params("data.source", "source: csv").data.source == "csv"
        for line in ("transpose: true", "class_names: a.txt"):
            told = read_refusal(f"data.{line.split(':')[0]}", line)
            assert "class_names and transpose are for source idx alone" in told

    @pytest.mark.parametrize("path", ["data", "data/", "./data", ".", "..", "data/photographs/.."])
    def test_a_source_that_holds_what_the_pipeline_writes(self, path: str) -> None:
        """The folder data/ and those above it; dvc speaks of a dependency and an output alone."""
        assert load_edited_params("data.path", "path: data/photographs")
        told = read_refusal("data.path", f"path: {path}")
        assert told.startswith(f"params.yaml: data.path: {path} holds data/, where the pipeline wr")

    def test_images_too_small_for_the_network(self) -> None:
        """Two rounds of convolution and pooling need 10 pixels, four need 46, none needs none."""
        load_edited_params("train.kernel_size", "kernel_size: 3")
        load_edited_params("train.filters", "filters: [8, 8]")
        assert load_edited_params("preprocess.height", "height: 10").preprocess.height == 10
        told = read_refusal("preprocess.width", "width: 9")
        assert told == (
            "params.yaml: preprocess: 10 x 9 pixels are too few for runs.unweighted: 2 "
            "convolutions of 3 x 3 with pooling need at least 10 x 10; enlarge the images or "
            "shorten filters"
        )
        assert "need at least 46 x 46" in read_refusal("train.filters", "filters: [8, 8, 8, 8]")
        assert load_edited_params("train.model", "model: dense").preprocess.width == 9

    def test_parameters_that_no_file_holds_are_checked_likewise(self) -> None:
        """What is at odds is refused wherever it is put together."""
        whole = load_params().model_dump(by_alias=True)
        whole["report"]["reference"] = "gone"
        whole["evaluate"]["operating_point"] = "default"
        with pytest.raises(ParamsError, match=r"report\.reference: found 'gone'; expected unweig"):
            Params.model_validate(whole)

    def test_weights_name_both_answers_of_the_question(self) -> None:
        """Where the question is "8 or not", weights for other names are refused at once."""
        told = read_refusal("train.class_weight", "class_weight: {8: 2.0, 9: 1.0}")
        assert told == (
            "params.yaml: runs.unweighted: class_weight: found weights for '8', '9'; expected "
            "one for '8' and one for 'not 8' (data.positive)"
        )
        assert load_edited_params("train.class_weight", "class_weight: {8: 2.0, not 8: 1}").run(
            "dense"
        )

    @pytest.mark.parametrize("stage", ["split", "preprocess", "evaluate unweighted", "track"])
    def test_mistakes_are_told_before_heavy_imports(self, stage: str) -> None:
        """Whatever the stage, one line on stderr, exit status 1, and no heavy library loaded."""
        told = read_refusal("train.epochs", "epochs: ten")
        code = (
            "import sys; from secondlook.commands.cli import main\n"
            "try: main()\n"
            f"finally: print([name for name in {HEAVY} if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *stage.split()],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(ROOT)},
        )
        assert (done.returncode, done.stdout) == (1, "[]\n")
        assert done.stderr == f"secondlook: {told}\n"

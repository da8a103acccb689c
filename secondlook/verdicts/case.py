"""All that a rule may look at."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.evaluation.comparison_artifacts import Comparison, Method
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.predictions import find_constant_answer
from secondlook.evaluation.run_artifacts import Details, RunResult
from secondlook.evaluation.seeds import Estimate


@dataclass(frozen=True)
class Case:
    """The data, every run by itself, and all of them held against each other."""

    facts: DatasetCard
    results: list[RunResult]
    comparison: Comparison

    @property
    def names(self) -> list[str]:
        """Return the names of all methods, the reference first."""
        return [method.name for method in self.comparison.methods]

    @property
    def best(self) -> str:
        """Return the method with the highest F1 on validation, of those that tell classes apart."""
        return self.comparison.ranking[0]

    @property
    def asked_class(self) -> str | None:
        """Return the class that a yes-or-no question is about; None for other questions."""
        k = self.facts.question_index
        return None if k is None else self.facts.classes[k]

    @property
    def image_count(self) -> int:
        """Return how many test images there are."""
        return sum(self.facts.counts["test"].values())

    @property
    def asks_threshold(self) -> bool:
        """Say whether a yes is asked for that is not just the more probable answer."""
        point = self.results[0].details["validation"].operating_point
        return point is not None and point.rule != "default"

    def find_method(self, name: str) -> Method:
        """Return the method that a run of that name is of."""
        return next(method for method in self.comparison.methods if name in method.runs)

    def find_run(self, name: str) -> RunResult:
        """Return the run of that name; for a method, the first of its seeds."""
        return next(result for result in self.results if result.name == name)

    def find_test_details(self, name: str) -> Details:
        """Return the details on test of the run of that name."""
        return self.find_run(name).details["test"]

    def find_constant_answer(self, name: str) -> int | None:
        """Return the class that a run answers to every test image, or None."""
        return self._constant_answers[name]

    @cached_property
    def _constant_answers(self) -> dict[str, int | None]:
        # Every rule asks for it: matrices of many classes are read once.
        matrices = {run.name: run.details["test"].confusion for run in self.results}
        return {name: find_constant_answer(np.array(each)) for name, each in matrices.items()}

    def list_runs(self, name: str) -> list[RunResult]:
        """Return the runs of a method, one a seed."""
        return [self.find_run(run) for run in self.find_method(name).runs]

    def has_diverged(self, name: str) -> bool:
        """Say whether the training of some run of a method ran away."""
        return any(run.fitting.kind == "diverged" for run in self.list_runs(name))

    def is_sound(self, name: str) -> bool:
        """Say whether no run of a method ran away, or answers the same to every image.

        Of others no number is praised, whatever it is.
        """
        constant = (self.find_constant_answer(run.name) for run in self.list_runs(name))
        return not self.has_diverged(name) and all(answer is None for answer in constant)

    def is_worse_than_lazy(self, name: str) -> bool:
        """Say whether a method has a worse accuracy or log loss than the lazy baseline."""
        gain = self.find_method(name).gain
        return gain["accuracy"].down or gain["log_loss"].up

    def is_weighted(self, name: str) -> bool:
        """Say whether a run's classes had weights."""
        return self.find_run(name).training.parameters["class_weight"] is not None

    def find_backbone(self, name: str) -> str | None:
        """Return the pretrained network that a run began from; None where it began from none."""
        backbone = self.find_run(name).training.parameters.get("backbone")
        return None if backbone is None else str(backbone["name"])

    def find_estimate(self, name: str, metric: str) -> Estimate:
        """Return what a method reaches on test."""
        return self.comparison.find_method(name).estimates["test"][metric]

    def find_difference(self, first: str, second: str, metric: str) -> Difference:
        """Return second less first on test."""
        return self.comparison.find_pair(first, second).differences[metric]

    def is_compared(self, first: str, second: str) -> bool:
        """Say whether two methods were held against each other."""
        return any({pair.first, pair.second} == {first, second} for pair in self.comparison.pairs)

    def is_told_apart(self, first: str, second: str) -> bool:
        """Say whether some metric on test tells two methods apart, if they were compared."""
        return any(
            found.distinguishable
            for pair in self.comparison.pairs
            if {pair.first, pair.second} == {first, second}
            for found in pair.differences.values()
        )

"""All that a rule may look at."""

from dataclasses import dataclass

import numpy as np

from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.evaluation.comparison_artifacts import Comparison
from secondlook.evaluation.confusion import find_constant_answer
from secondlook.evaluation.intervals import Difference
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

    def find_run(self, name: str) -> RunResult:
        """Return the run of that name; for a method, the first of its seeds."""
        return next(result for result in self.results if result.name == name)

    def find_test_details(self, name: str) -> Details:
        """Return the details on test of the run of that name."""
        return self.find_run(name).details["test"]

    def find_constant_answer(self, name: str) -> int | None:
        """Return the class that a run answers to every test image, or None."""
        return find_constant_answer(np.array(self.find_test_details(name).confusion))

    def find_estimate(self, name: str, metric: str) -> Estimate:
        """Return what a method reaches on test."""
        return self.comparison.find_method(name).estimates["test"][metric]

    def find_difference(self, first: str, second: str, metric: str) -> Difference:
        """Return second less first on test."""
        return self.comparison.find_pair(first, second).differences[metric]

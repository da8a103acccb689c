"""All runs of params.yaml on the same data: what the report is about."""

from dataclasses import dataclass

from stages.core.outputs import facts as data_facts
from stages.core.outputs import results
from stages.core.outputs.facts import Facts
from stages.core.outputs.results import MICRO, Result
from stages.core.params import Params


@dataclass(frozen=True)
class Study:
    """The data and the results of all runs, the reference first."""

    facts: Facts
    results: list[Result]

    @property
    def headline(self) -> str:
        """Return the name of the curve that stands for a run: the positive class's or all's."""
        return self.facts.positive or MICRO


def read(params: Params) -> Study:
    """Return what stands in data/ of every run in params.yaml.

    Raises DataError when a file is missing.
    """
    reference = params.report.reference
    names = [reference, *(name for name in params.runs if name != reference)]
    return Study(data_facts.read(), [results.read(name) for name in names])

"""What a user can get wrong: each error is one line that says where, what, and what to do."""


class SecondLookError(Exception):
    """A mistake in the input or the surroundings, not in the program.

    The message is one line: where, what was found, what was expected, what to do.
    `python -m stages` prints it to stderr and exits with 1, without a traceback.
    """


class ParamsError(SecondLookError):
    """params.yaml says something it cannot mean."""


class DataError(SecondLookError):
    """The images, labels or files of the data set are not what params.yaml promises."""


class TrainingError(SecondLookError):
    """The parameters of a run make its training fail."""


class DivergenceError(TrainingError):
    """The objective of a training stopped being a number."""


class RejectedImageError(DataError):
    """A picture cannot be read; the message is the reason alone, fit for a table."""


class StorageError(SecondLookError):
    """The disk is full or may not be written."""


class BusyError(SecondLookError):
    """Another process makes the same output."""


class TrackingError(SecondLookError):
    """The MLflow store cannot be used."""


class ExportError(SecondLookError):
    """A network cannot be exported, or its export does not answer as the run did."""

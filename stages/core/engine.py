"""TensorFlow, started without what it says of graphics cards that are not there."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def start() -> None:
    """Import TensorFlow and let it look for devices, both of which take seconds."""
    with _kept_quiet():
        import tensorflow as tf

        tf.config.list_physical_devices()


@contextmanager
def _kept_quiet() -> Iterator[None]:
    """Keep back what C++ code writes to stderr; should it fail, all of it is shown."""
    sys.stderr.flush()
    loud = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(loud, kept.read())
            raise
        finally:
            os.dup2(loud, 2)
            os.close(loud)

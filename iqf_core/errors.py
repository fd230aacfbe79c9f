"""Every error that IQF raises on purpose.

A message says what is wrong, where, and what to do. The leaves also inherit the builtin that they
refine, so that ``except ValueError`` keeps its meaning::

    IqfError
     ├── ImageError
     │    ├── ImageReadError (OSError)          not an image, truncated, empty, larger than the limit
     │    └── UnsupportedImage (ValueError)     an image that this reader, writer or modifier cannot represent
     ├── DatasetError (ValueError)              a folder or a ground truth that cannot be understood
     ├── ParameterError (ValueError)            a parameter of a modifier, metric or executor
     ├── VariantError (RuntimeError)            a variant that cannot be built or does not match its manifest
     ├── PluginError
     │    ├── UnknownComponent (LookupError)    no active plugin offers it
     │    ├── AmbiguousComponent (LookupError)  several active plugins offer it
     │    ├── BrokenComponent (RuntimeError)    it is offered, but cannot be loaded
     │    └── MissingDependency (ImportError)   names the exact `pip install`
     ├── StudyError (ValueError)                a study file that cannot be run as written
     ├── ExecutorError (RuntimeError)           a job could not be submitted, polled or collected
     ├── OutputError (ValueError)               what a script wrote cannot be read
     └── ResultsError (ValueError)              results that are not there, or not of a study
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class IqfError(Exception):
    """Root of all errors that IQF raises on purpose."""


class ImageError(IqfError):
    """An image cannot be read, written or represented."""


class ImageReadError(ImageError, OSError):
    """A file is not an image, is truncated or empty, or holds more pixels than the limit."""


class UnsupportedImage(ImageError, ValueError):
    """An image is sound, but this reader, writer or modifier cannot represent it."""


class DatasetError(IqfError, ValueError):
    """A folder or a ground truth cannot be understood as a dataset."""


class ParameterError(IqfError, ValueError):
    """A parameter of a modifier, metric or executor is unknown or out of its range."""


class VariantError(IqfError, RuntimeError):
    """A variant cannot be built, or what is on disk does not match its manifest."""


class PluginError(IqfError):
    """A plugin, or a component of one, cannot be used."""


class UnknownComponent(PluginError, LookupError):
    """No active plugin offers a component of this name."""


class AmbiguousComponent(PluginError, LookupError):
    """Several active plugins offer a component of this name."""


class BrokenComponent(PluginError, RuntimeError):
    """A component is offered, but importing it fails or it is not of its kind."""


class MissingDependency(PluginError, ImportError):
    """An optional dependency is not installed; the message holds the ``pip install`` that adds it."""


class StudyError(IqfError, ValueError):
    """A study cannot be run as it is written."""


class ExecutorError(IqfError, RuntimeError):
    """A job could not be submitted, polled, collected or cancelled."""


class OutputError(IqfError, ValueError):
    """What a script wrote cannot be read."""


class ResultsError(IqfError, ValueError):
    """Results are not there, or are not those of a study."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Sentence naming the candidates closest to ``name``, or all of them when none is close.

    Parameters
    ----------
    name : str
        What was asked for.
    candidates : iterable of str
        What there is.

    Returns
    -------
    str
        ``"Did you mean 'jpeg'?"``, ``"Known: a, b."`` or ``"There is none."``.

    Examples
    --------
    >>> did_you_mean("jepg", ["jpeg", "quantise"])
    "Did you mean 'jpeg'?"
    """
    known = sorted(set(candidates))
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    return f"Known: {', '.join(known)}." if known else "There is none."

"""The instrument: everything of a Soft Actor-Critic experiment that is not the algorithm under study."""

import difflib
from collections.abc import Iterable

__version__ = "0.1.0"

DEFAULT_CONFIG = "config/paper.yaml"
"""The study that is meant where none is named."""


class UsageError(Exception):
    """A mistake of the caller, in one sentence that says what, where, and the nearest valid choice; exit code 2."""


def nearest(word: object, choices: Iterable[str]) -> str:
    """The valid choice most like `word`, quoted, for the end of an error's sentence."""
    choices = list(choices)
    close = difflib.get_close_matches(str(word), choices, n=1, cutoff=0.0)
    return repr(close[0]) if close else "nothing: there is no valid choice"

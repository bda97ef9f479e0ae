"""Whether runs have learned anything to speak of: asked before they are compared with others."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from suite.statistics.two_samples import summary

LEARNED: Literal["learned"] = "learned"
NOT_LEARNED: Literal["not learned"] = "not learned"
UNDECIDED: Literal["undecided"] = "undecided"


def learned(
    values: ArrayLike, floor: float, reference: float, margin: float, confidence: float = 0.95
) -> Literal["learned", "not learned", "undecided"]:
    """Whether the mean lies above the floor by more than a share of the way from there to the reference.

    By Student's one-sided bounds of the mean: learned, the lower one lies above that; not learned, the upper one lies
    below; else undecided, and so is a single run.

    Parameters:
        values: [n], one value per seed
        floor, reference: what is nothing and what is all, in the same unit; floor < reference
        margin: that share, between 0 and 1
        confidence: of each bound, between 0 and 1
    Returns: "learned", "not learned" or "undecided"
    Raises ValueError: no value, one that is not finite, a reference that is not above the floor, or another share
    >>> [learned(values, 0, 100, 0.1) for values in ([80, 90, 85], [1, 2, 3], [5, 15, 40])]
    ['learned', 'not learned', 'undecided']
    """
    values = np.asarray(values, float)
    if not (floor < reference and 0 < margin < 1 and 0 < confidence < 1):
        given = f"{floor}, {reference}, {margin} and {confidence}"
        raise ValueError(f"floor must lie below reference, margin and confidence between 0 and 1, not {given}")
    if len(values) == 1 and np.isfinite(values).all():
        return UNDECIDED
    mean, sd, n = summary(values)
    half = stats.t.ppf(confidence, n - 1) * sd / np.sqrt(n)
    threshold = floor + margin * (reference - floor)
    if mean - half > threshold:
        return LEARNED
    return NOT_LEARNED if mean + half < threshold else UNDECIDED

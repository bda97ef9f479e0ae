"""Whether runs have learned anything to speak of: asked before they are compared with others."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

LEARNED: Literal["learned"] = "learned"
NOT_LEARNED: Literal["not learned"] = "not learned"
UNDECIDED: Literal["undecided"] = "undecided"


def learned(
    values: ArrayLike, floor: ArrayLike, reference: ArrayLike, margin: float, confidence: float = 0.95
) -> np.ndarray:
    """Whether the mean lies above the floor by more than a share of the way from there to the reference.

    By Student's one-sided bounds of the mean: learned, the lower one lies above that; not learned, the upper one lies
    below; else undecided, and so is a single run.

    Parameters:
        values: [..., n], one value per seed
        floor, reference: what is nothing and what is all, in the same unit; floor < reference
        margin: that share, between 0 and 1
        confidence: of each bound, between 0 and 1
    Returns: [...], "learned", "not learned" or "undecided"
    Raises ValueError: no value, one that is not finite, a reference that is not above the floor, or another share
    >>> [str(learned(values, 0, 100, 0.1)) for values in ([80, 90, 85], [1, 2, 3], [5, 15, 40])]
    ['learned', 'not learned', 'undecided']
    """
    values = np.sort(np.asarray(values, float), axis=-1)
    reference = np.asarray(reference, float)
    if not ((floor < reference).all() and 0 < margin < 1 and 0 < confidence < 1):
        given = f"{floor!r}, {reference!r}, {margin} and {confidence}"
        raise ValueError(f"floor must lie below reference, margin and confidence between 0 and 1, not {given}")
    if not values.shape[-1] or not np.isfinite(values).all():
        raise ValueError("values holds nothing, or what is no finite number; a failed seed needs a value first")
    n, mean = values.shape[-1], values.mean(axis=-1)
    if n == 1:
        return np.full(mean.shape, UNDECIDED)
    half = special.stdtrit(n - 1, confidence) * values.std(axis=-1, ddof=1) / np.sqrt(n)
    gained = mean - floor - margin * (reference - floor)
    return np.select([gained - half > 0, gained + half < 0], [LEARNED, NOT_LEARNED], UNDECIDED)

"""Whether anything was learned at all, which comes before any other question."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special


def learned(
    values: ArrayLike, floor: ArrayLike, reference: ArrayLike, margin: float, confidence: float = 0.95
) -> np.ndarray:
    """Whether runs return more than the random policy, by the one-sided limits of Student's t.

    Parameters:
        values: [..., n], one return per seed, two or more
        floor, reference: the random policy's return and the one that learning is measured by
        margin: the share of (reference - floor) that must be exceeded; confidence: of each limit
    Returns: [...], "learned" (the lower limit exceeds it), "not learned" (the upper one does not) or "undecided"
    >>> str(learned([900.0, 1_000.0, 1_100.0], 0.0, 5_000.0, 0.10)), str(learned([-5.0, 3.0, 8.0], 0.0, 5_000.0, 0.10))
    ('learned', 'not learned')
    """
    values = np.sort(np.asarray(values, float), axis=-1)
    n = values.shape[-1]
    half = special.stdtrit(n - 1, confidence) * values.std(axis=-1, ddof=1) / np.sqrt(n)
    gained = values.mean(axis=-1) - floor - margin * (np.asarray(reference, float) - floor)
    return np.select([gained - half > 0, gained + half < 0], ["learned", "not learned"], "undecided")

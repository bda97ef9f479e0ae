"""Where the spread between seeds comes from: how they were evaluated, and how they were trained."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from suite.statistics.two_samples import summary


class Parts(NamedTuple):
    """A variance between runs and its two parts, in the squared unit of the scores."""

    total: float  # the sample variance of the scores
    evaluation: float  # what evaluating with so few episodes adds on average
    training: float  # the rest, at least 0


def parts(scores: ArrayLike, errors: ArrayLike) -> Parts:
    """The variance between runs split by one-way random effects (Searle, Casella & McCulloch 1992, section 3.6).

    Parameters:
        scores: [n], of each run the mean return over its evaluation episodes
        errors: [n], the variance of each of these means: that of its episodes, divided by their number
    Returns: Parts, in the squared unit of the scores
    Raises ValueError: fewer than two runs, not one error per score, or one that is negative or no finite number
    >>> parts([1.0, 2.0, 6.0], [4.0, 4.0, 4.0])
    Parts(total=7.0, evaluation=4.0, training=3.0)
    """
    _, sd, n = summary(scores, "scores")
    total = float(np.sort(scores).var(ddof=1)) if sd else 0.0
    errors = np.asarray(errors, float)
    if errors.shape != (n,) or not np.isfinite(errors).all() or (errors < 0).any():
        raise ValueError(f"errors must be {n} variances, one per score, not of shape {errors.shape} or not finite")
    evaluation = float(np.sort(errors).mean())
    return Parts(total, evaluation, max(total - evaluation, 0.0))

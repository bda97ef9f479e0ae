"""Main effects and interactions of a full two-level factorial, for unequal numbers of runs and unequal variances."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
from scipy import stats

from suite.statistics.aggregate import strata


class Effect(NamedTuple):
    """One effect in the unit of the scores; p: two-sided, raw, NaN if no cell varies."""

    name: str
    estimate: float
    standard_error: float
    df: float
    low: float
    high: float
    p: float


def effects(cells: Mapping[tuple[int, ...], np.ndarray], factors: Sequence[str], confidence: float) -> list[Effect]:
    """All 2^k - 1 effects, main effects first, of scores [runs] keyed by levels (0 or 1, one per factor).

    A main effect is the mean score at level 1 minus that at level 0, over all levels of the others; an interaction is
    half the difference between one factor's effect at level 1 and at level 0 of the other (Box, Hunter & Hunter 2005,
    ch. 5). The error is that of a contrast of cell means with unequal variances, its degrees of freedom are
    Welch-Satterthwaite's. A cell with fewer than two runs is refused.
    """
    keys = list(product((0, 1), repeat=len(factors)))
    missing = [key for key in keys if len(cells.get(key, ())) < 2]
    if missing:
        named = "; ".join(", ".join(f"{f}={level}" for f, level in zip(factors, key, strict=True)) for key in missing)
        raise ValueError(f"a factorial needs at least two runs in every cell, too few in: {named}")
    scores = strata([np.sort(cells[key]) for key in keys])
    n = np.array([len(x) for x in scores])
    means, variances = np.array([x.mean() for x in scores]), np.array([x.var(ddof=1) for x in scores])
    sign = 2 * np.array(keys) - 1
    found = []
    for size in range(1, len(factors) + 1):
        for chosen in combinations(range(len(factors)), size):
            contrast = sign[:, chosen].prod(axis=1) / 2 ** (len(factors) - 1)
            parts = contrast**2 * variances / n
            estimate, error = contrast @ means, np.sqrt(parts.sum())
            df = 1 / ((parts / parts.sum()) ** 2 / (n - 1)).sum() if error > 0 else np.inf
            half = stats.t.ppf((1 + confidence) / 2, df) * error
            p = 2 * stats.t.sf(abs(estimate) / error, df) if error > 0 else np.nan
            name = " × ".join(factors[i] for i in chosen)
            found.append(Effect(name, *map(float, (estimate, error, df, estimate - half, estimate + half, p))))
    return found

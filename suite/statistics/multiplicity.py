"""Many tests at once: p-values adjusted so that a whole family of them keeps its promised rate of false alarms."""

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests

METHODS = {"holm": "holm", "hommel": "hommel", "bonferroni": "bonferroni", "bh": "fdr_bh", "by": "fdr_by"}


def adjust(p: ArrayLike, method: str) -> np.ndarray:
    """Adjusts the p-values of one family for each other.

    Parameters:
        p: [k], between 0 and 1; NaN (no test) stays and does not count
        method: "holm" (1979), "hommel" (1988; wants independent or positively dependent tests) and "bonferroni" bound
            the probability of any false alarm; "bh" (Benjamini & Hochberg 1995) and "by" (Benjamini & Yekutieli 2001,
            under any dependence) the expected share of false alarms among the alarms; "none" leaves the values as they
            are
    Returns: [k], in the order given
    Raises ValueError: a value that is no p, or another method
    >>> np.round(adjust([0.01, 0.04, np.nan, 0.03], "holm"), 3).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    p = np.array(p, dtype=float)
    tested = ~np.isnan(p)
    if p.ndim != 1 or not ((p[tested] >= 0) & (p[tested] <= 1)).all():
        raise ValueError("p-values must be a list of numbers between 0 and 1, or NaN where there was no test")
    if method not in (*METHODS, "none"):
        raise ValueError(f'adjust knows the methods {", ".join(METHODS)} and none, not "{method}"')
    if method != "none" and tested.any():
        p[tested] = multipletests(p[tested], method=METHODS[method])[1]
    return p

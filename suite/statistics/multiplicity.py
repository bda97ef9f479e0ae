"""Many tests at once: p-values adjusted so that a whole family of them keeps its promised rate of false alarms."""

import numpy as np
from statsmodels.stats.multitest import multipletests

METHODS = {"holm": "holm", "hommel": "hommel", "bonferroni": "bonferroni", "bh": "fdr_bh", "by": "fdr_by"}


def adjust(p: np.ndarray, method: str) -> np.ndarray:
    """The p-values [k] of one family adjusted for each other, in the order given; NaN (no test) stays and counts not.

    "holm" (1979), "hommel" (1988; wants independent or positively dependent tests) and "bonferroni" bound the
    probability of any false alarm; "bh" (Benjamini & Hochberg 1995) and "by" (Benjamini & Yekutieli 2001, under any
    dependence) bound the expected share of false alarms among the alarms; "none" leaves the values as they are.
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

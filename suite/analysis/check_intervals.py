"""Student's interval of either side's mean in the regression check, from the mean, SD and number of its runs."""

from __future__ import annotations

import math

from scipy import stats

from suite.analysis.check_rows import PublishedSummary, SampleSummary
from suite.analysis.types import Interval


def mean_interval(summary: SampleSummary | PublishedSummary, confidence: float) -> Interval:
    """The interval of a mean of runs; without ends where there are not two runs or no spread is known."""
    if summary.mean is None or summary.sd is None or (summary.n or 0) < 2:
        return Interval(None, None)
    n = summary.n or 0
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * summary.sd / math.sqrt(n)
    return Interval(summary.mean - half, summary.mean + half)

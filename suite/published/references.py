"""Published results as cited figures, and the random policy's returns: what this suite's runs are checked against.

One file of metadata per source (`<source>.yaml`) and beside it its figures (`<source>.csv`). Where runs are published
one by one, a row is one run (variant, environment, seed, env_step, evaluations, value): its mean return over a trailing
window of its evaluations. The window is `trailing_mean`, for published runs and for our own alike. Where there is but a
mean and a spread, a row is those, as printed (source, variant, environment, env_step, mean, spread, spread_kind, n);
`tables.yaml` holds the sources that are no more than a published table. What may be compared with what is data too:
versions.csv says which version of an environment stands for which task and from which step on, gate.csv where the
published seeds agree enough to decide.

Normalised scores have a unit of their own: zero is the random policy's return (random_policy.csv), one a published
return (anchors.csv). Both are frozen and a matter of the task alone, never of what is compared. They are a scale and no
comparison: the published return may be of another version of the task or another statistic, which its row says, since
it stretches all arms of a task alike. It does weigh the tasks against each other; what hangs on that, the second set
shows. A task without a row has no normalised score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from suite.sac.status import KindOfReturn

WINDOW = 10  # the last 1/10 of the environment steps so far


class ReferenceName(NamedTuple):
    """What names a published curve or row of a table; `str` gives it as it is printed."""

    source: str
    variant: str
    environment: str

    def __str__(self) -> str:
        return "/".join(self)


class Summary(NamedTuple):
    """Published runs at one step: mean and sample SD [reward units] of n runs, and the spread as it was printed.

    sd is None where no SD over runs follows from the spread, n where no number of runs is stated.
    """

    mean: float
    sd: float | None
    n: int | None
    spread: float | None
    spread_kind: str


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What one source published of one variant on one environment: from where, how it was made, and its figures."""

    source: str
    variant: str
    environment: str
    repository: str
    commit: str
    place: str
    licence: str
    code_base: str
    environment_version: str
    step_axis: str
    kind_of_return: KindOfReturn  # always undiscounted
    statistic: str  # of STATISTICS
    episodes_per_evaluation: int | None
    evaluate_every: int | None
    derivation: str
    not_compared: str
    caveat: str
    presets: dict[str, dict[str, object]]  # that have its settings -> switch by path -> value the published runs had
    advisory: tuple[str, ...]  # why it never decides; empty: it may
    tasks: tuple[str, ...]  # the suite's, that it may be compared with
    values: dict[int, tuple[float, ...]]  # true environment step -> value per published run, in the order of its seeds
    summaries: dict[int, Summary]  # true environment step -> all runs
    known_error: float = 0.0  # [reward units] of its means, beside what the spread over runs shows

    @property
    def name(self) -> str:
        """Source, variant and environment, as sentences name a reference."""
        return str(ReferenceName(self.source, self.variant, self.environment))

    @property
    def citation(self) -> str:
        """Repository, commit and place."""
        return f"{self.repository}@{self.commit[:7]}, {self.place}"


STATISTICS = ("window_mean", "last", "maximum", "smoothed")
SPREADS = ("sd_ddof1", "sd_ddof0", "sem", "ci95_t", "ci95_norm", "half_sd")
NO_SPREADS = ("sd_over_episodes", "unknown", "none")
"""Printed spreads that give no SD over runs: one agent's over episodes, one of unsaid kind, none at all."""
IMPLIED: dict[str, Callable[[Reference], bool]] = {
    "training return": lambda reference: reference.kind_of_return == "training",
    "unstated protocol": lambda reference: reference.kind_of_return == "unknown",
    "maximum over training": lambda reference: reference.statistic == "maximum",
    "smoothed": lambda reference: reference.statistic == "smoothed",
    "no preset has its settings": lambda reference: not reference.presets,
    "single agent": lambda reference: any(summary.n == 1 for summary in reference.summaries.values()),
    "no spread": lambda reference: any(one.sd is None and one.n != 1 for one in reference.summaries.values()),
}
"""What makes a reference advisory, whoever forgets to say so: the reason must begin with these words."""


def window(at: int, every: int) -> int:
    """Width w in environment steps of the trailing window (at - w, at]: 10 % of `at`, but at least one evaluation."""
    return max(at // WINDOW, every)


def trailing_mean(env_steps: Sequence[int], values: Sequence[float], at: int, every: int) -> tuple[float, int]:
    """Mean of the evaluations [E] of one run inside its trailing window, and their number; (nan, 0) if there are none.

    It trails because a run that ends at its budget has no evaluations after it.
    """
    steps, returns = np.asarray(env_steps), np.asarray(values, float)
    inside = (steps > at - window(at, every)) & (steps <= at)
    return (float(returns[inside].mean()), int(inside.sum())) if inside.any() else (math.nan, 0)

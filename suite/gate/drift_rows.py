"""The rows of a comparison with a baseline: what `check --against-baseline --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from suite.analysis.check_rows import SampleSummary
from suite.analysis.types import AgreementVerdict

Changes = Mapping[str, tuple[object, object]]
"""What differs, by name: what it was and what it is."""


class FrozenSummary(NamedTuple):
    """Mean, sample SD (None: of a single run) and number of a baseline's runs."""

    mean: float
    sd: float | None
    n: int


@dataclass(frozen=True)
class DriftRow:
    """A cell at one frozen step. Numbers are undiscounted returns per episode; differences are now minus frozen."""

    task: str
    implementation: str
    run_id: str
    variant: str  # as shown, "critics/single"
    env_step: int
    ours: SampleSummary
    theirs: FrozenSummary
    random_policy: float
    seeds_in_both: int
    identical: int  # of these, the seeds that return the very same number
    verdict: AgreementVerdict
    difference: float | None
    low: float | None
    high: float | None
    df: float | None
    n_needed: int | None  # seeds a side, or pairs, that decide it with a power of 80 %; None: decided, or none do
    held_back: AgreementVerdict | None  # the verdict that missing runs could overturn
    p: float | None  # small for EQUIVALENT
    p_different: float | None  # small for DIFFERENT, of both sides
    p_different_adjusted: float | None  # of a secondary row, in its family, where all primary endpoints are EQUIVALENT
    family_size: int  # rows of this role in it
    paired_seeds: tuple[int, ...]  # whose runs are tested as pairs; none: all runs of either side by Welch's test
    margin: float | None  # None where the baseline is no better than random
    confidence: float  # of the two-sided interval
    changed: Changes  # code and versions that made the runs; of a cell without runs of ours, the settings
    baseline: str
    gated: bool = False  # a primary endpoint: the last frozen step of its cell
    sentence: str = ""

    @property
    def fails(self) -> bool:
        """Whether the gate falls."""
        return self.gated and self.verdict == "DIFFERENT"

    @property
    def passes(self) -> bool:
        return self.verdict == "EQUIVALENT"

    @property
    def judged(self) -> bool:
        """Whether there were runs enough to judge by."""
        return self.passes or self.p is not None

    @property
    def exhausted(self) -> bool:
        """Whether all runs that are planned have left it open."""
        return self.verdict == "INCONCLUSIVE" and self.judged and not self.ours.n_missing


class Drift(NamedTuple):
    """A row per cell and frozen step within its budget, and a sentence for every cell without one."""

    rows: tuple[DriftRow, ...]
    notes: tuple[str, ...]

"""The rows of the regression check: the types of check.json, which the gate fills and the report shows.

A row is one cell at one published step against one reference. Numbers are undiscounted returns per episode, and
differences are ours minus published. Fields are the keys of check.json and of "check" in results.json, so whoever
renames one raises `results_file.SCHEMA_VERSION`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CheckVerdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "SUSPICIOUSLY_BETTER", "NOT_LEARNED"]
Role = Literal["primary", "secondary", "advisory"]
"""Of a row: the primary endpoints of one implementation and preset, one a task, are its family and decide; secondary
rows are tested only where all of these PASS; advisory ones decide nothing."""
Basis = Literal["runs", "mean and spread", "a number"]
"""What is published: every run, their mean and SD, or a number without a spread (advice at most)."""


@dataclass(frozen=True)
class SampleSummary:
    """Our runs at a published step: their trailing window means."""

    mean: float | None
    sd: float | None
    n: int  # values
    n_finished: int  # of these
    n_failed: int  # of these: at the random policy's return
    n_missing: int  # without a result
    n_planned: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class PublishedSummary:
    """Mean, sample SD (None: unknown, or of a single run) and number of published runs, and what each returned."""

    mean: float
    sd: float | None
    n: int | None
    values: tuple[float, ...]  # empty where only the summary is published


@dataclass(frozen=True)
class CheckAgreement:
    """The verdict both ways: neither worse nor better by more than the margin."""

    verdict: Literal["EQUIVALENT", "DIFFERENT", "INCONCLUSIVE"]
    p: float
    n_needed: int | None


@dataclass(frozen=True)
class CheckLook:
    """What the first n own seeds said: the loss (published - ours) and its p on either side of the margin."""

    n: int
    failed: int
    lost: float
    p_fail: float  # of a loss of no more than the margin
    p_pass: float  # of a loss of more
    verdict: CheckVerdict
    warns: bool  # the loss seems larger than the margin, and is beyond a quarter of it


@dataclass(frozen=True)
class CheckCurve:
    """The curves of window means over all published steps at once; pairs are ours and published, lists [steps]."""

    steps: tuple[int, ...]
    n: tuple[int, int]
    missing: int
    p: float  # max-t, whole curves permuted
    env_step: int  # where they differ most
    assignments: int
    difference: tuple[float, ...]
    margin: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    verdict: CheckVerdict | None = None  # None without a band
    note: str = ""  # why there is no band


@dataclass(frozen=True)
class CheckRow:
    """A cell at one published step against one reference."""

    task: str
    implementation: str
    variant: str  # as shown, "critics/single"
    run_id: str
    reference: str
    citation: str
    caveat: str
    env_step: int
    ours: SampleSummary
    published: PublishedSummary
    basis: Basis
    random_policy: float
    verdict: CheckVerdict
    difference: float | None
    low: float | None
    high: float | None
    df: float | None
    n_needed: int | None  # runs of ours that decide with a power of 80 %; None: decided, or none do
    held_back: CheckVerdict | None  # the verdict that missing runs could overturn
    inside: bool | None  # against a number alone: whether it lies where one more run of ours would
    p: float | None  # of a loss of more than the margin: small speaks for PASS
    p_fail: float | None  # of no such loss: small speaks for FAIL
    equivalence: CheckAgreement | None
    margin: float  # tolerated loss
    confidence: float  # of the two-sided interval
    role: Role
    advice: tuple[str, ...]
    differs: tuple[str, ...]  # fields of spec and schedule in which ours differ
    looks: tuple[CheckLook, ...] = ()  # of a primary endpoint, to the one that decides or the last that is complete
    waits_for: tuple[int, ...] = ()  # seeds without a result that the next look needs
    later_failed: int = 0  # runs of seeds after the deciding look that failed, and do not count
    looks_planned: tuple[int, ...] = ()  # of a primary endpoint
    seeds_planned: int = 0  # of a primary endpoint: of the study, whatever look decides
    curve: CheckCurve | None = None  # on the last row of a reference, where both have curves
    p_adjusted: float | None = None  # of a secondary row, in its family, where all primary endpoints PASS
    p_fail_adjusted: float | None = None
    family: str | None = None  # implementation and variant
    family_size: int | None = None  # rows of this role in it
    sentence: str = ""

    @property
    def advisory(self) -> bool:
        """Whether it decides nothing; `advice` says why."""
        return self.role == "advisory"

    @property
    def gated(self) -> bool:
        """Whether the gate hangs on it."""
        return self.role == "primary"

    @property
    def fails(self) -> bool:
        """Whether the gate falls."""
        return self.gated and self.verdict in ("FAIL", "NOT_LEARNED")

    @property
    def passes(self) -> bool:
        return self.verdict == "PASS"

    @property
    def judged(self) -> bool:
        """Whether a primary endpoint has a complete look."""
        return bool(self.looks)

    @property
    def exhausted(self) -> bool:
        """Whether the last look has left a primary endpoint open."""
        return self.verdict == "INCONCLUSIVE" and self.judged and self.looks[-1].n == self.looks_planned[-1]


@dataclass(frozen=True)
class CheckFile:
    """check.json: the rows, and a sentence for every cell that nothing published can be held against."""

    rows: tuple[CheckRow, ...]
    notes: tuple[str, ...]

"""What the statistics of a study are made of: the types of results.json.

Scores and curves are undiscounted returns per episode unless a comment says otherwise; "normalised" scores are
(return - random policy) / (reference - random policy). A number that is not finite is None. Fields are the keys of
results.json, so whoever renames one raises `results_file.SCHEMA_VERSION`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from suite.analysis.check_rows import CheckRow
from suite.published.anchors import Scale
from suite.published.references import ReferenceName
from suite.sac.status import FAILED, KindOfReturn, Status
from suite.study import config, declaration

FamilyName = Literal["equivalence", "ablation", "exploratory", "regression"]
AgreementVerdict = Literal["EQUIVALENT", "DIFFERENT", "INCONCLUSIVE"]
MarginOutcome = Literal["EQUIVALENT", "DIFFERENT", "INCONCLUSIVE", "NOT LEARNED"]
NOT_LEARNED: Literal["NOT LEARNED"] = "NOT LEARNED"
"""Of two sides neither of which is shown to have learned: before all other verdicts, and in no family."""
Learned = Literal["learned", "not learned", "undecided"]
SIGNIFICANT = 0.05  # level of a family's adjusted p values


class CellKey(NamedTuple):
    """The identity of a cell: runs that differ only in their seed."""

    task: str
    implementation: str
    run_id: str


@dataclass(frozen=True)
class Label:
    """A name under which a study asks for a cell: a preset's as reports print it, or an ablation's arm's."""

    preset: str  # "" for an arm
    ablation: str  # "" for a preset
    arm: str  # "" for a preset

    @property
    def name(self) -> str:
        """The label in one string, "sac_v2" or "critics/single"."""
        return f"{self.ablation}/{self.arm}" if self.ablation else self.preset

    def __str__(self) -> str:
        return self.name


class Meaningless(NamedTuple):  # an arm that means nothing beside the baseline that a sweep chose
    arm: str
    task: str
    why: str


class LeftOut(NamedTuple):  # a task that something over all tasks does without, and why
    task: str
    why: str


# --- numbers with their intervals, whose ends are None where too few runs give none


class Interval(NamedTuple):
    low: float | None
    high: float | None


class ConfidenceInterval(NamedTuple):
    low: float | None
    high: float | None
    confidence: float


@dataclass(frozen=True)
class Estimate:
    estimate: float | None
    low: float | None
    high: float | None
    standard_error: float | None


class Mean(NamedTuple):
    n: int  # runs
    estimate: float | None
    low: float | None
    high: float | None
    standard_error: float | None


class Rate(NamedTuple):
    estimate: float  # as low and high, a share of 1
    low: float
    high: float


class Superiority(NamedTuple):  # P(x > y) + P(x = y) / 2, with Brunner and Munzel's interval and p
    estimate: float
    low: float | None
    high: float | None
    p: float | None


class Bounds(NamedTuple):  # of the mean, if all absent runs had scored the floor, or all as the best did
    worst: float
    best: float


# --- what the study planned, declared and used


@dataclass(frozen=True)
class Counts:
    """Planned runs of the whole study, by what became of them; stale ones have a status, too."""

    planned: int
    finished: int
    diverged: int
    crashed: int
    timeout: int
    interrupted: int
    missing: int
    invalid: int
    stale: int


class Anchors(NamedTuple):  # what normalises scores, by task
    primary: Mapping[str, Scale]
    second: Mapping[str, Scale]  # only shows how much hangs on the first


class ScoredBy(NamedTuple):
    """Final episodes of a task's runs: scores are made of them only where every finished run has some."""

    used: bool
    runs: int  # that have some
    episodes: int  # of each, at least


class Settings(NamedTuple):  # what the statistics used
    confidence: float  # level of the intervals
    resamples: int
    curve_resamples: int  # of curves, effects and bootstrap-t
    limit_error: float  # of a bootstrap limit by its finite resamples, in standard errors of the estimate
    order_statistics_needed: int  # runs that a tolerance interval 90/95 takes without assuming normality
    seed: int  # of all random draws
    scored_share: float  # of the budget, at its end, whose evaluations make a run's score
    final_episodes: Mapping[str, ScoredBy]  # by task that has runs with some
    random_policy: Mapping[str, float | None]  # by task: the floor of a failed run
    equivalence: config.Equivalence
    anchors: Anchors


class DeclaredSections(NamedTuple):  # of the config
    check: config.Check
    equivalence: config.Equivalence
    families: config.Families
    report: config.Report
    anchors: str  # digest of the tables of anchors; "" where none was declared


class DeclarationEntry(NamedTuple):  # a declaration that was put on record
    sha256: str
    plan_sha256: str  # of one that did not cover the plan; else ""
    planned: int  # runs
    records_before: int  # that were there by then, of these runs and of those planned until then
    changes: tuple[declaration.Change, ...]  # from the one before it, as far as they were kept


class Declaration(NamedTuple):
    """What is on record as declared of margins, its SHA-256, and every declaration there was, the first one first."""

    declaration: DeclaredSections
    sha256: str
    history: tuple[DeclarationEntry, ...]


class Departure(NamedTuple):  # a value that was declared and not used, both as text
    field: str  # "equivalence.margin"
    declared: str
    used: str


class Family(NamedTuple):  # questions that are asked together: how their p values are adjusted, and how many they are
    method: config.Method
    size: int


@dataclass(frozen=True)
class Adjusted:
    """What has a p that belongs to a family of questions; without p_adjusted and size until that is adjusted."""

    p_adjusted: float | None = None
    family: str = ""
    family_size: int = 0


# --- one cell


@dataclass(frozen=True)
class RunResult:
    """One planned run: what became of it, its score, and what is to be said of it."""

    seed: int
    status: Status
    stale: bool  # other code made it: listed, and averaged nowhere
    stopped_at: int | None  # environment step where a failed run stopped
    score: float | None  # None: not averaged
    sentence: str  # "" of a run that simply finished


class DiagnosticSummary(NamedTuple):  # of a diagnostic at the end of training, over finished seeds
    mean: float
    sd: float | None
    n: int


class VarianceParts(NamedTuple):
    """The variance between finished seeds' scores by one-way random effects, in the squared unit of the return."""

    n: int  # runs
    total: float
    evaluation: float  # what scoring a run by so few episodes adds
    training: float  # the rest, at least 0

    @property
    def evaluation_sd(self) -> float:
        return self.evaluation**0.5

    @property
    def training_sd(self) -> float:
        return self.training**0.5

    @property
    def evaluation_share(self) -> float | None:
        return min(self.evaluation / self.total, 1.0) if self.total else None


class Distribution(NamedTuple):  # where single runs lie
    iqr: float
    mad: float
    cvar: float  # mean of the worst tenth
    tolerance: Interval  # holds 90 % of all runs with 95 % confidence, if scores are normal


@dataclass(frozen=True)
class CellIdentity:
    """By what a cell is named in every table."""

    task: str
    implementation: str
    run_id: str
    variant: Label  # the first label that asked for the cell
    labels: tuple[Label, ...]
    env_steps: int  # the budget of a run

    @property
    def key(self) -> CellKey:
        return CellKey(self.task, self.implementation, self.run_id)


@dataclass(frozen=True)
class CellResult(CellIdentity):
    """The numbers of one cell. A planned run counts in n_planned and, unless it is stale, under its status."""

    diagnostics: Mapping[str, DiagnosticSummary]
    n_planned: int
    n_finished: int
    n_diverged: int
    n_crashed: int
    n_timeout: int
    n_interrupted: int
    n_missing: int
    n_invalid: int
    n_stale: int
    n_scored: int
    kind: KindOfReturn
    imported: bool  # made elsewhere: its seeds are nobody's pairs
    seeds: tuple[RunResult, ...]
    mean: Estimate  # Student's interval
    studentised: Estimate  # the mean with the bootstrap-t interval
    sd: float | None
    median: float | None
    lowest: float | None
    highest: float | None
    iqm: Estimate  # bootknife interval
    complete_case: Mean  # finished runs alone
    carried_forward: Estimate | None  # failed runs at their last evaluation; None where none failed
    bounds: Bounds | None  # None where no run is absent
    failure_rate: Rate | None  # Wilson's interval; None where no run ended by itself
    distribution: Distribution | None  # None below two scores
    learned: Learned | None  # None without a scored run, or where the task has no reference return
    variance: VarianceParts | None  # None below two finished runs, or where their episodes have no spread to tell

    @property
    def n_failed(self) -> int:
        return self.n_diverged + self.n_crashed

    @property
    def n_absent(self) -> int:
        """Planned runs that are in no average."""
        return self.n_planned - self.n_scored

    @property
    def scores(self) -> tuple[float, ...]:
        """The scores of the runs that have one, in the order of their seeds."""
        return tuple(run.score for run in self.seeds if run.score is not None)


@dataclass(frozen=True)
class LedgerEntry(RunResult, CellIdentity):
    """A run of which something is to be said."""


@dataclass(frozen=True)
class RunCurve:
    """One run's learning curve: the mean return of each evaluation [E] at its environment step [E].

    It ends before the first evaluation that is not a finite number. `run_curves.aligned` puts it on a grid.
    """

    seed: int
    status: Status
    stopped_at: int | None
    floor: float | None  # what the run counts for from stopped_at on, if it failed
    env_steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def failed(self) -> bool:
        return self.status in FAILED


class Band(NamedTuple):  # a simultaneous band [T] of a curve
    low: tuple[float, ...]
    high: tuple[float, ...]
    quantile: float  # its half-width in standard errors of each point


class Reliability(NamedTuple):
    """How steadily a run learns, from one checkpoint to the next: the median over runs of each measure."""

    dispersion_within: float | None
    cvar_of_steps: float | None
    max_drawdown: float | None


class Crossing(NamedTuple):  # of a run
    seed: int
    env_step: int  # where it was first seen at the threshold; else where it ended
    observed: bool  # whether it was


@dataclass(frozen=True)
class Reached:
    """When a cell's scored runs reach half of the way from the random policy to the task's reference.

    `waiting` is Kaplan and Meier's share of the runs that have not, from each of the environment steps [U] on.
    """

    threshold: float
    runs: tuple[Crossing, ...]
    env_steps: tuple[int, ...]
    waiting: tuple[float, ...]

    @property
    def any(self) -> bool:
        return any(run.observed for run in self.runs)


@dataclass(frozen=True)
class CurveResult(CellIdentity):
    """A cell's learning curves and, on a grid of environment steps [T], the mean of those that are scored."""

    evaluate_every: int | None  # environment steps; None where no run tells
    evaluation_episodes: int | None
    runs: tuple[RunCurve, ...]  # all but stale ones
    n_scored: int
    grid: tuple[int, ...]
    mean: tuple[float, ...]
    band: Band | None
    area: Estimate  # under a run's curve, divided by the span of the grid
    reliability: Reliability | None
    reached: Reached | None  # None without a grid, or where the task has no reference return
    note: str  # why there is no band


class RunTrace(NamedTuple):
    seed: int
    values: Mapping[str, tuple[float, ...]]  # [T] of each diagnostic; None where it was not recorded, or not finite


@dataclass(frozen=True)
class Traces:
    """A cell's diagnostics over training, thinned: at environment steps [T], of every run that is not stale.

    `mean` is of the finished runs, None where one of them has no value. What was recorded of no run is left out.
    """

    cell: CellKey
    env_steps: tuple[int, ...]
    runs: tuple[RunTrace, ...]
    mean: Mapping[str, tuple[float, ...]]


# --- over all tasks


@dataclass(frozen=True)
class Profile:
    """Performance profile: the share of runs whose normalised score exceeds each tau, with its band, all [taus]."""

    taus: tuple[float, ...]
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class SecondAggregate(NamedTuple):  # by the second set of anchors, over the tasks that have one
    tasks: tuple[str, ...]
    iqm: Estimate


@dataclass(frozen=True)
class Aggregate:
    """A variant of an implementation over its tasks, in normalised scores; the numbers are None without any task."""

    implementation: str
    variant: Label
    tasks: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    n_planned: int
    n_finished: int
    n_scored: int
    mean: Estimate | None = None
    median: Estimate | None = None
    iqm: Estimate | None = None
    optimality_gap: Estimate | None = None
    profile: Profile | None = None
    second: SecondAggregate | None = None


@dataclass(frozen=True)
class Improvement:
    """The probability that a run of a variant beats one of another, of the same implementation: over tasks, by task."""

    implementation: str
    variant: Label
    over: Label
    tasks: tuple[str, ...]
    probability: Estimate
    by_task: tuple[Superiority, ...]


# --- two samples of scores


@dataclass(frozen=True)
class Test:
    """A two-sided test of a difference, with its interval."""

    statistic: float | None
    df: float | None
    p: float | None
    difference: float
    low: float | None
    high: float | None
    confidence: float


class Pairs(NamedTuple):
    """Runs of both sides that share seeds, and with them start states of evaluations, initial weights and noise."""

    n: int
    seeds: tuple[int, ...]
    correlation: float | None  # of the two sides' values over the seeds; None where a side has no spread


@dataclass(frozen=True)
class PermutationTest:  # studentised
    p: float
    assignments: int  # of seeds to groups
    exact: bool  # whether these are all there are
    floor: float  # the least p possible


@dataclass(frozen=True)
class Difference(Test):
    """mean(x) - mean(y) of two samples of scores: its test, and beside it what does not lean on normality.

    The test is Student's of the differences within pairs where the sides share seeds enough, over these seeds alone,
    else Welch's of all runs. All that stands beside it is of all runs.
    """

    pairs: Pairs | None  # None: the test is Welch's
    welch: Test
    permutation: PermutationTest
    superiority: Superiority
    a12: float
    cliff_delta: float
    cohen_d: float | None
    hedges_g: float | None
    ratio: float | None  # mean(x) / mean(y), of positive means
    yuen_p: float | None
    detectable: float | None  # difference that this test, at this size and spread, finds in 80 % of cases at 5 %

    @property
    def estimate(self) -> float:
        return self.difference


@dataclass(frozen=True)
class AdjustedDifference(Adjusted, Difference):
    @property
    def out_of_reach(self) -> bool:
        """Whether so few runs cannot reach 5 % by permutation in this family, whatever their scores."""
        return self.permutation.floor > SIGNIFICANT / self.family_size


@dataclass(frozen=True)
class RankAgreement(Test):
    """Two one-sided tests that P(x > y) - 1/2, `difference`, lies within `margin` of zero."""

    verdict: AgreementVerdict
    margin: float
    n_needed: int | None


class MarginVerdict(NamedTuple):  # at another margin
    share: float  # of (reference - random policy)
    margin: float  # that share, in return
    verdict: AgreementVerdict
    p: float


class WelchVerdict(NamedTuple):  # of all runs of both sides
    verdict: AgreementVerdict
    p: float
    low: float
    high: float


@dataclass(frozen=True)
class MarginTest:
    """Whether the mean scores of two cells agree within the declared margin, in return: of pairs where there are some.

    It is of the same runs as the difference beside it.
    """

    margin: float
    verdict: MarginOutcome
    p: float | None  # of the harder of the two one-sided tests; None where neither side has learned
    n_needed: int | None  # seeds per side that decide it with a power of 80 %; None: decided, or none do
    interval: ConfidenceInterval  # of the difference
    sensitivity: tuple[MarginVerdict, ...]
    welch: WelchVerdict | None


@dataclass(frozen=True)
class AdjustedMarginTest(Adjusted, MarginTest):
    pass


@dataclass(frozen=True)
class CurveDifference:
    """Mean curve less mean curve on the grid [T] both have: max-t over all of it, and a band where runs are enough."""

    p: float  # of the largest difference, over the whole curve
    env_step: int  # where it is
    assignments: int
    grid: tuple[int, ...]
    difference: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    verdict: AgreementVerdict | None = None  # None without a band or a margin
    note: str = ""  # why there is no band


@dataclass(frozen=True)
class Agreement:
    """Two implementations, a and b, of one variant on one task: do they agree within the declared margin?

    Pairs are of a and b. Without two scored runs on each side, or returns of one kind, nothing but the note is given.
    """

    task: str
    variant: Label
    a: str
    b: str
    run_ids: tuple[str, str]
    n_planned: tuple[int, int]
    n_finished: tuple[int, int]
    n_scored: tuple[int, int]
    difference: Difference | None
    equivalence: AdjustedMarginTest | None  # None also where the task has no reference return
    superiority: RankAgreement | None
    curve: CurveDifference | None
    note: str


# --- ablations


@dataclass(frozen=True)
class Effect:
    """What a factor (or an interaction of several) does to the score, or its Shapley share."""

    factors: tuple[str, ...]
    held: Mapping[str, str]  # of a simple effect: the levels at which all other factors are held; else empty
    estimate: float
    standard_error: float | None
    df: float | None  # None: infinite, or unknown
    low: float | None
    high: float | None
    p: float | None

    @property
    def is_interaction(self) -> bool:
        return len(self.factors) > 1

    @property
    def name(self) -> str:
        """In one string: "alpha", "alpha × critics", "alpha | critics=twin"."""
        crossed = " × ".join(self.factors)
        held = ", ".join(f"{factor}={level}" for factor, level in self.held.items())
        return f"{crossed} | {held}" if held else crossed


@dataclass(frozen=True)
class AdjustedEffect(Adjusted, Effect):
    pass


class UnpairedEffect(NamedTuple):  # of all runs, as of independent samples
    estimate: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class SuiteEffect:
    """An effect over all tasks, in normalised scores: of factors or, where these have not two levels each, of an arm.

    Either factors are given, or arm and baseline: arm minus baseline, of pairs where the two share seeds enough on
    every task.
    """

    factors: tuple[str, ...]
    arm: str
    baseline: str
    estimate: float
    standard_error: float | None
    df: float | None
    low: float | None
    high: float | None
    p: float | None
    pairs: int | None = None  # on all tasks together; None: of independent samples
    unpaired: UnpairedEffect | None = None  # what stands beside the pairs
    p_adjusted: float | None = None
    family: str = "ablation"
    family_size: int = 0

    @property
    def is_interaction(self) -> bool:
        return len(self.factors) > 1

    @property
    def name(self) -> str:
        """In one string: "alpha", "alpha × critics", "single − twin"."""
        return " × ".join(self.factors) if self.factors else f"{self.arm} − {self.baseline}"


class FailureComparison(NamedTuple):
    failed: tuple[int, int]  # runs of an arm and of its baseline
    n: tuple[int, int]  # of so many
    p: float  # of Barnard's exact test of equal rates


@dataclass(frozen=True)
class ArmResult:
    """An arm of an ablation, and its score minus the baseline's."""

    arm: str
    label: Label
    levels: Mapping[str, str]  # by factor
    baseline: bool
    variant: Label  # of the cell
    run_id: str
    difference: AdjustedDifference | None = None  # None of the baseline, and where the note says why
    outcomes: Mapping[str, AdjustedDifference] = field(default_factory=dict)  # the same of further declared outcomes
    failures: FailureComparison | None = None
    note: str = ""
    step: Difference | None = None  # of a walk: the arm's score minus that of the arm before


class _Shares:
    shapley: tuple[Effect, ...]

    @property
    def gap(self) -> float:
        """Between all factors at their second level and all at their first: what the Shapley shares add up to."""
        return sum(share.estimate for share in self.shapley)


@dataclass(frozen=True)
class Factorial(_Shares):
    """Main effects and interactions, simple effects and Shapley shares of factors with two levels each, in return."""

    effects: tuple[AdjustedEffect, ...]
    simple: tuple[Effect, ...]
    shapley: tuple[Effect, ...]
    note: str  # why there are no effects


@dataclass(frozen=True)
class AblationTable:
    """An ablation on one task with one implementation."""

    task: str
    implementation: str
    arms: tuple[ArmResult, ...]
    factorial: Factorial | None  # None where the factors have not two levels each

    def key_of(self, arm: ArmResult) -> CellKey:
        return CellKey(self.task, self.implementation, arm.run_id)


@dataclass(frozen=True)
class AblationOverTasks(_Shares):
    """An ablation over all tasks of one implementation: final return or another outcome in return, normalised."""

    implementation: str
    tasks: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    effects: tuple[SuiteEffect, ...] = ()
    shapley: tuple[Effect, ...] = ()
    note: str = ""
    outcome: str = "final_return"  # of suite.sac.ablation.OUTCOMES
    simple: tuple[Effect, ...] = ()  # where some of several factors have two levels: of these, the others held


class Doses(NamedTuple):  # where arms are values of one number, a field by its path
    field: str
    arms: Mapping[str, float]
    baseline: Mapping[str, float]  # by task


@dataclass(frozen=True)
class AblationResult:
    """An ablation: its question and what was expected, every task's table, and all tasks at once."""

    name: str
    question: str
    outcomes: tuple[str, ...]  # of suite.sac.ablation.OUTCOMES; of old files also free text
    expected: str
    literature: tuple[str, ...]
    factors: Mapping[str, tuple[str, ...]]  # factor -> its levels
    tables: tuple[AblationTable, ...]
    over_tasks: tuple[AblationOverTasks, ...]
    directions: Mapping[str, str] = field(default_factory=dict)  # arm -> better, worse or equal, as expected beforehand
    tasks: tuple[str, ...] = ()  # of these alone it is expected; none named: of any
    margin: float | None = None  # the share of what learning gains that would matter; None: the study's
    meaningless: tuple[Meaningless, ...] = ()
    walk: bool = False  # whether every arm goes a step further than the arm before
    variant: str = ""  # of which the arms are settings, in a study of sensitivity
    doses: Doses | None = None


# --- what the study answers

Finding = Literal["BETTER", "WORSE", "EQUIVALENT", "TOO FEW SEEDS", "INCOMPLETE", "NOT LEARNED", "NO SCALE"]
"""Of one side beside the other: by the adjusted p, by the margin, by neither; while planned runs are absent, as their
number was fixed beforehand; without a task on which either has learned; without a task whose reference return makes
scores comparable."""
Held = Literal["CONFIRMED", "REFUTED"]


@dataclass(frozen=True)
class Answer:
    """What a question's arm, or a factor's second level, does beside its baseline over all tasks of an implementation.

    Numbers are of the difference of the normalised outcome, side less beside; None where there is no such difference.
    """

    ablation: str
    implementation: str
    factor: str  # "" of an arm
    side: str
    beside: str
    tasks: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    margin: float
    finding: Finding
    expected: str  # better, worse or equal, as declared of the side; "" where nothing was
    held: Held | None  # whether that is what was found; None where neither is known
    outcome: str = "final_return"  # of suite.sac.ablation.OUTCOMES
    seeds: int = 0  # on each side of the task that has the fewest
    absent: int = 0  # planned runs of the two sides that are in no average
    difference: ConfidenceInterval | None = None  # that the adjusted p belongs to
    within: ConfidenceInterval | None = None  # that is held against the margin
    estimate: float | None = None
    p_adjusted: float | None = None
    n_needed: int | None = None  # seeds on each side that settle it with a power of 80 %; None: settled, or none do


# --- sensitivity


@dataclass(frozen=True)
class SettingResult:
    """A setting of a variant: its score on each task and over all of them, 0 and 1 being the study's percentiles."""

    arm: str
    values: Mapping[str, str]  # parameter -> what it is here; of the variant as it is, of all that it has one value of
    by_task: Mapping[str, Estimate]  # Student's interval
    over_tasks: Estimate


@dataclass(frozen=True)
class TunedVariant:
    """What choosing a setting for each task is worth to a variant, cross-fitted, in scores between percentiles."""

    variant: str
    ablation: str  # of which the arms are its settings
    settings: tuple[SettingResult, ...]  # the variant as it is first
    tuned: Estimate  # each task with the setting chosen for it
    single: Estimate  # one setting chosen for all tasks
    as_is: Estimate
    sensitivity: Estimate  # tuned less single
    gain: Estimate  # tuned less as it is
    naive_tuned: float  # as all seeds both choose and score
    naive_sensitivity: float
    dimensionality: int  # parameters to be chosen for each task; of a design that changes several at once, 0 or all
    best: Mapping[str, str]  # task -> the arm with the best mean there
    best_single: str  # the arm with the best mean over all tasks


class SensitivityDifference(NamedTuple):
    a: str  # the one variant's
    b: str  # less the other's
    difference: Estimate


@dataclass(frozen=True)
class Sensitivity:
    """The variants of a study whose settings are held against each other, of one implementation."""

    implementation: str
    tasks: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    seeds: Mapping[str, tuple[int, ...]]  # task -> those that every setting has a score of
    scales: Mapping[str, Interval]  # task -> the returns that are 0 and 1
    variants: tuple[TunedVariant, ...]
    differences: tuple[SensitivityDifference, ...]
    note: str  # settings that are left out, or why there is nothing


# --- figures of papers


class PublishedCurve(NamedTuple):
    """What was published of a panel, in return: a mean [T] over n runs and their sample SD, or single points of it."""

    reference: ReferenceName
    citation: str  # repository and commit
    caveat: str
    n: int | None
    env_steps: tuple[int, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]  # None where it is not known


@dataclass(frozen=True)
class RedrawnPanel:
    """A panel of a paper's figure with the cells of this study that it stands for."""

    environment: str  # as the paper names it
    task: str
    last_step: int  # where the paper's axis ends
    ablation: str  # whose arms the cells are; "" of presets
    cells: tuple[CellKey, ...]
    published: tuple[PublishedCurve, ...]


@dataclass(frozen=True)
class RedrawnFigure:
    """A published figure, as far as the runs of this study draw it again."""

    name: str
    paper: str
    number: str
    panels: tuple[RedrawnPanel, ...]
    missing: tuple[str, ...]  # panels of the paper that are not here


# --- everything


@dataclass(frozen=True)
class Results:
    """Every number of a study's report: results.json."""

    study: str
    settings: Settings
    versions: Mapping[str, str]  # of the packages that computed, by name
    counts: Counts
    cells: tuple[CellResult, ...]
    curves: tuple[CurveResult, ...]  # of the same cells, in the same order
    traces: tuple[Traces, ...]  # of the same cells, in the same order
    ledger: tuple[LedgerEntry, ...]
    aggregates: tuple[Aggregate, ...]
    improvements: tuple[Improvement, ...]
    agreements: tuple[Agreement, ...]
    ablations: tuple[AblationResult, ...]
    answers: tuple[Answer, ...]  # in the order of the ablations
    sensitivity: tuple[Sensitivity, ...]
    redrawn: tuple[RedrawnFigure, ...]
    check: tuple[CheckRow, ...]
    unmatched: tuple[str, ...]  # a sentence for every cell that nothing published can be held against
    families: Mapping[FamilyName, Family]
    declaration: Declaration | None
    departures: tuple[Departure, ...]  # of what was used from what was declared

    def cell(self, key: CellKey) -> CellResult:
        return next(cell for cell in self.cells if cell.key == key)

    def curve(self, key: CellKey) -> CurveResult:
        return next(curve for curve in self.curves if curve.key == key)

    def trace(self, key: CellKey) -> Traces:
        return next(trace for trace in self.traces if trace.cell == key)

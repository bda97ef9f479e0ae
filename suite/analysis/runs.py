"""What became of each planned run: its curve, its status, its score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from suite.analysis.evaluations import NO_CURVE, EvaluationCurve, RunKey
from suite.analysis.types import CellKey, Label, RunCurve, RunResult
from suite.lab.records import IMPORTED
from suite.sac.status import FAILED, STATUSES, KindOfReturn, Status
from suite.study.cells import CELL

SCORED_SHARE = 0.1  # of the budget, at its end: the evaluations that make a run's score
DIAGNOSTICS = ("q_bias", "entropy", "alpha", "tanh_saturation", "actor_grad_norm", "critic_grad_norm",
               "critic_loss", "actor_loss")  # fmt: skip


class FinalEpisodes(NamedTuple):
    """A run's episodes at the end of its budget, where these are more than an evaluation has."""

    n: int
    mean: float
    variance: float


class PlannedRun(NamedTuple):
    """One run of the plan and what its record says of it."""

    seed: int
    status: Status
    stale: bool
    stopped_at: int | None  # environment step, or the last one that was recorded
    message: str
    imported: bool  # it was not trained by the suite
    imported_kind: KindOfReturn | None  # training or unknown, of imported returns that are no evaluations we know of
    code_id: str
    final: FinalEpisodes | None


class PlannedCell(NamedTuple):
    """The runs that differ only in their seed, in the order of their seeds."""

    key: CellKey
    variant: Label
    labels: tuple[Label, ...]
    env_steps: int
    evaluate_every: int | None
    evaluation_episodes: int | None
    runs: tuple[PlannedRun, ...]

    @property
    def imported(self) -> bool:
        return any(run.imported for run in self.runs)


class ScoredRun(NamedTuple):
    result: RunResult
    curve: RunCurve
    kind: KindOfReturn
    error: float | None  # variance of a finished run's score by its evaluation episodes; None where these do not tell


def with_outcomes(runs: pd.DataFrame, curves: Mapping[RunKey, EvaluationCurve]) -> pd.DataFrame:
    """The table of runs after a look at their evaluations: the one rule of what these make of a run.

    A run with a return that is no finite number diverged at that evaluation at the latest. One that finished without an
    evaluation within `evaluate_every` steps of its budget is invalid, since nobody knows what it came to.
    """
    runs = runs.reset_index(drop=True)
    for at, row in enumerate(runs.to_dict("records")):
        key = RunKey(CellKey(*(row[name] for name in CELL)), row["seed"])
        for name, value in _outcome(row, curves.get(key, NO_CURVE)).items():
            runs.loc[at, name] = value
    return runs


def _outcome(row: Mapping, curve: EvaluationCurve) -> dict[str, object]:
    """What a run's evaluations change in its row of the table of runs."""
    every = row.get("evaluate_every")
    if row["status"] in FAILED and curve.broken_at is not None:
        return {"stopped_at": min(curve.broken_at, stopped_at(row) or 0)}
    if row["status"] != "finished":
        return {}
    if curve.broken_at is not None:
        message = "an evaluation returned no finite number"
        return {"status": "diverged", "stopped_at": curve.broken_at, "message": message}
    if not curve.values:
        return {"status": "invalid", "message": "it finished without a single evaluation"}
    last, budget = curve.env_steps[-1], row["env_steps"]
    if pd.notna(every) and last <= budget - every:
        return {"status": "invalid", "message": f"finished, but last evaluated at step {last:,.0f} of {budget:,.0f}"}
    return {}


def planned_cells(manifest: pd.DataFrame, runs: pd.DataFrame) -> list[PlannedCell]:
    """Every cell of the plan with every planned run, also those without any record: a planned run can never vanish."""
    rows = _planned_rows(manifest, runs)
    labels = {key: _labels(of_cell) for key, of_cell in manifest.groupby(CELL, sort=False)}
    return [_planned_cell(CellKey(*key), of_cell, labels[key]) for key, of_cell in rows.groupby(CELL, sort=False)]


def _planned_rows(manifest: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The manifest's runs, one row each, beside what is recorded of them."""
    key = [*CELL, "seed", "env_steps"]
    plan = manifest.drop_duplicates(key)[[*key, "label"]]
    rows = plan.merge(runs, on=key, how="left", validate="one_to_one", indicator="record")
    absent = rows["record"] == "left_only"
    rows.loc[absent, ["status", "message"]] = ["missing", "no record of this planned run was found"]
    rows["variant"] = rows.groupby(CELL)["variant"].transform("first").fillna(rows["label"])
    rows["stale"] = rows["stale"].eq(True)
    budgets = rows.groupby(CELL)["env_steps"].nunique()
    if (budgets > 1).any():
        raise ValueError(f"runs of one cell have different budgets: {', '.join(budgets[budgets > 1].index[0])}")
    unknown = set(rows["status"]) - set(STATUSES)
    if unknown:
        raise ValueError(f"a run has the status {sorted(unknown)[0]!r}, which is none of {', '.join(STATUSES)}")
    return rows


def _labels(manifest: pd.DataFrame) -> dict[str, Label]:
    """The labels of a cell by their names (of an arm "ablation/arm"), as the manifest lists them."""
    rows = manifest.drop_duplicates("label").itertuples()
    return {row.label: Label("", row.ablation, row.arm) if row.ablation else Label(row.label, "", "") for row in rows}


def _planned_cell(key: CellKey, rows: pd.DataFrame, labels: Mapping[str, Label]) -> PlannedCell:
    variant = rows["variant"].iloc[0]
    return PlannedCell(
        key=key,
        variant=labels.get(variant, Label(variant, "", "")),
        labels=tuple(labels.values()),
        env_steps=int(rows["env_steps"].iloc[0]),
        evaluate_every=_first_number(rows["evaluate_every"]),
        evaluation_episodes=_first_number(rows["evaluation_episodes"]),
        runs=tuple(_planned_run(row) for row in rows.sort_values("seed").to_dict("records")),
    )


def _first_number(column: pd.Series) -> int | None:
    return next((int(value) for value in column.dropna()), None)


def stopped_at(row: Mapping) -> int | None:
    """The environment step where a run stopped (row: of the table of runs), or the last one that was recorded.

    A failed run counts at its floor from there on, in every score, curve and window mean.
    """
    steps: list[Any] = [row.get(name) for name in ("stopped_at", "last_env_step")]
    return next((int(step) for step in steps if pd.notna(step)), None)


def _planned_run(row: Mapping) -> PlannedRun:
    return PlannedRun(
        seed=int(row["seed"]),
        status=row["status"],
        stale=bool(row["stale"]),
        stopped_at=stopped_at(row),
        message=_text(row.get("message")),
        imported=row.get("device") == IMPORTED,
        imported_kind=kind if (kind := row.get("kind_of_return")) in ("training", "unknown") else None,
        code_id=str(row.get("code_id")),
        final=_final_episodes(row),
    )


def _final_episodes(row: Mapping) -> FinalEpisodes | None:
    """None where there are none, or one without a finite return; tables of before have no such columns."""
    mean, variance = (row.get(name, np.nan) for name in ("final_return", "final_variance"))
    return FinalEpisodes(int(row["final_episodes"]), mean, variance) if np.isfinite([mean, variance]).all() else None


def tasks_by_final_episodes(cells: Sequence[PlannedCell]) -> set[str]:
    """The tasks on which every finished run has final episodes: only then are runs scored by these."""
    finished: dict[str, list[PlannedRun]] = {}
    for cell in cells:
        finished.setdefault(cell.key.task, []).extend(
            run for run in cell.runs if run.status == "finished" and not run.stale
        )
    return {task for task, runs in finished.items() if runs and all(run.final for run in runs)}


def _text(value: object) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value)


class Floors:
    """What a failed run counts for: the random policy's return, or else what a run of the task began with."""

    def __init__(self, random_policy: Mapping[str, float], curves: Mapping[RunKey, EvaluationCurve]):
        self.random_policy = random_policy
        self.first: dict[str, list[float]] = {}
        for run, curve in curves.items():
            self.first.setdefault(run.cell.task, []).extend(curve.values[:1])

    def of(self, task: str, curve: EvaluationCurve) -> float | None:
        """The random policy's mean return, else the run's first evaluation, else the mean first one of the task."""
        if task in self.random_policy:
            return self.random_policy[task]
        first = curve.values[:1] or self.first.get(task)
        return float(np.mean(first)) if first else None

    def in_words(self, task: str, curve: EvaluationCurve) -> str:
        """What a failed run counts for, and where that comes from."""
        floor = self.of(task, curve)
        if floor is None:
            return "no floor is known for it, so it is not averaged"
        random = task in self.random_policy
        origin = "the random policy's return" if random else "its first evaluation, or the task's mean one"
        return f"scored {floor:.6g}, {origin}"


def scored_run(
    cell: PlannedCell, run: PlannedRun, curve: EvaluationCurve, floors: Floors, by_final_episodes: bool
) -> ScoredRun:
    """One seed: its curve, its status, its floor, its score (None: not averaged), and what is to be said about it."""
    run = run._replace(stopped_at=(run.stopped_at or 0) if run.status in FAILED else None)  # only these have stopped
    floor, score, error = floors.of(cell.key.task, curve), None, None
    if run.status in FAILED:
        score = floor
    elif run.status == "finished" and by_final_episodes and run.final:
        score, error = run.final.mean, run.final.variance / run.final.n
    elif run.status == "finished":
        score, error = _final(curve, cell.env_steps)
    sentence = "; ".join(_remarks(cell, run, floors.in_words(cell.key.task, curve)))
    return ScoredRun(
        RunResult(run.seed, run.status, run.stale, run.stopped_at, None if run.stale else score, sentence),
        RunCurve(run.seed, run.status, run.stopped_at, floor, curve.env_steps, curve.values),
        run.imported_kind or curve.kind,
        error,
    )


def _final(curve: EvaluationCurve, env_steps: int) -> tuple[float, float | None]:
    """The mean return of the episodes in the last tenth of the budget, at least those of the last evaluation, and its
    variance by them: the policy of one evaluation is another than that of the next, so each has a spread of its own."""
    steps = np.array(curve.env_steps)
    chosen = steps > (1 - SCORED_SHARE) * env_steps
    if not chosen.any():
        chosen = steps == steps[-1]
    values, episodes, spreads = (np.array(each)[chosen] for each in (curve.values, curve.episodes, curve.variances))
    error = float((episodes * spreads).sum() / episodes.sum() ** 2)
    return float(np.average(values, weights=episodes)), error if np.isfinite(error) else None


def _remarks(cell: PlannedCell, run: PlannedRun, floor_in_words: str) -> Iterator[str]:
    """What the report says of a run that did not simply finish; nothing of one that did."""
    if run.status in FAILED:
        yield f"{run.status} at environment step {run.stopped_at:,} of {cell.env_steps:,}"
    elif run.status != "finished":
        yield f"{run.status}, not averaged"
    if run.message and run.status != "finished":
        yield run.message
    if run.stale:
        yield f"stale: made by other code (code_id {run.code_id}), not averaged"
    elif run.status in FAILED:
        yield floor_in_words


def end_of_run(diagnostics: pd.DataFrame, cells: Sequence[PlannedCell]) -> dict[CellKey, pd.DataFrame]:
    """Each cell's diagnostics, averaged per seed over the same end of the budget as the score."""
    if diagnostics.empty:
        return {}
    budgets = pd.DataFrame([{**cell.key._asdict(), "env_steps": cell.env_steps} for cell in cells])
    rows = diagnostics.merge(budgets, on=CELL)
    last = rows.groupby([*CELL, "seed"])["env_step"].transform("max")
    rows = rows[(rows["env_step"] > (1 - SCORED_SHARE) * rows["env_steps"]) | (rows["env_step"] == last)]
    columns = [name for name in DIAGNOSTICS if name in rows]
    per_seed = rows.groupby([*CELL, "seed"])[columns].mean().reset_index("seed")
    return {CellKey(*key): part for key, part in per_seed.groupby(level=CELL)}

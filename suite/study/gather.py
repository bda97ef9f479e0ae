"""Gather: every planned run's record into tidy tables. It trusts no file name, and no planned run can vanish.

Writes to the study's folder, beside the manifest: runs.parquet (what became of each planned run), evaluations.parquet,
diagnostics.parquet, ablations.json (the questions) and sources.json (each preset's state, what it does not reproduce,
and what every field cites).
"""

from __future__ import annotations

import json
import math
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow

import implementations
from suite.errors import UsageError
from suite.files import atomic
from suite.lab.records import DIAGNOSTICS, Record, RecordError, RunRecord, params_digest, read
from suite.sac import identity
from suite.sac.status import STATUSES, Status
from suite.specimens import naming
from suite.specimens.catalogue import load_preset
from suite.specimens.proofs import Prover
from suite.study import manifest
from suite.study.accuracy import Costs, taken
from suite.study.cells import CELL, Cell, Planned
from suite.study.plan import Plan
from suite.study.staleness import Judge, device_note, note_of

MAKING = ("wall_time_s", "env_steps_per_s", "attempts", "commit", "by_the_clock", "pace",
          *(f"{prefix}_{name}" for prefix in ("forecast", "used") for name in Costs._fields))  # fmt: skip
"""Columns of the table of runs on how a run was made: in these alone do sweeps with the same results differ."""
KEYS = ["task", "implementation", "run_id", "variant", "seed"]
EPISODE_COLUMNS = ["env_step", "kind", "episode", "return", "length"]
WITHOUT_EVALUATIONS = ("missing", "invalid", "interrupted")
"""Runs of these say nothing: an interrupted one, of which an attempt was cut short by an accident, is missing data."""
TELLING_RETURNS = 3
"""A curve of fewer different returns proves nothing: where every step pays 1, two seeds may agree by chance."""

_RUN_KEY = [*CELL, "seed"]
_RUN = {"task": pa.Column(str), "implementation": pa.Column(str), "run_id": pa.Column(str), "seed": pa.Column(int)}
SCHEMAS = {
    "manifest": pa.DataFrameSchema(
        _RUN | {"label": pa.Column(str), "env_steps": pa.Column(int, pa.Check.gt(0))},
        unique=["task", "implementation", "label", "seed"],
    ),
    "runs": pa.DataFrameSchema(
        _RUN | {"variant": pa.Column(str), "status": pa.Column(str, pa.Check.isin(STATUSES)), "stale": pa.Column(bool)},
        unique=_RUN_KEY,
    ),
    "evaluations": pa.DataFrameSchema(
        _RUN
        | {
            "env_step": pa.Column(int, pa.Check.gt(0)),
            "kind": pa.Column(str, pa.Check.isin(["mean", "sample"])),
            "return": pa.Column(float, nullable=True),
            "episode": pa.Column(int, pa.Check.ge(0)),
            "length": pa.Column("Int64", pa.Check.gt(0), nullable=True),  # an imported log may not tell it
        },
        unique=[*_RUN_KEY, "env_step", "episode"],
        coerce=True,
    ),
    "diagnostics": pa.DataFrameSchema(
        _RUN
        | {"env_step": pa.Column(int, pa.Check.gt(0))}
        | {name: pa.Column(float, nullable=True) for name in DIAGNOSTICS},
        unique=[*_RUN_KEY, "env_step"],
        coerce=True,
    ),
}
"""What the tables promise their readers, checked before they are written."""


@dataclass(frozen=True)
class Gathered:
    """What became of one planned run; record: None where there is no valid one."""

    planned: Planned
    status: Status
    record: Record | None = None
    message: str = ""
    stale: str = ""  # why it would be another run now
    note: str = ""
    params_digest: str = ""

    def row(self) -> dict[str, object]:
        """Its row of the table of runs."""
        cell, label = self.planned.cell, self.planned.cell.label
        planned = {
            "task": cell.task,
            "implementation": cell.implementation,
            "run_id": cell.run_id,
            "variant": manifest.shown(label, cell.implementation),
            "preset": label.preset,
            "ablation": label.ablation,
            "arm": label.arm,
            "seed": self.planned.seed,
            "env_steps": cell.env_steps,
        }
        judged = {
            "status": self.status,
            "stale": bool(self.stale),
            "stale_reason": self.stale,
            "message": self.message,
            "note": self.note,
            "params_digest": self.params_digest,
        }
        settings = {
            "spec": json.dumps(identity.to_plain(cell.spec)),
            "schedule": json.dumps(identity.to_plain(cell.schedule)),
            "evaluate_every": cell.evaluate_every,
            "evaluation_episodes": cell.evaluation_episodes,
            "path": self.planned.record,
        }
        recorded = _recorded(self.record.meta if self.record else None)
        making = _making(self.planned, self.record.meta) if self.record else _UNKNOWN
        return planned | judged | recorded | making | _final(self.record) | settings


def _recorded(run: RunRecord | None) -> dict[str, object]:
    """The columns of the table of runs that a record fills; what they hold without one."""
    numerics = (run.numerics if run else None) or {}
    return {
        "last_env_step": run.last_env_step if run else 0,
        "stopped_at": run.stopped_at if run else None,
        "code_id": run.code_id if run else "",
        "numerics": json.dumps({part: one.version for part, one in numerics.items()}),
        "kind_of_return": run.kind_of_return if run else "",
        "updates": run.updates if run else 0,
        "device": run.device if run else "",
        "versions": json.dumps(run.versions if run else {}),
    }


_UNKNOWN: dict[str, object] = {
    **dict.fromkeys(MAKING, math.nan),
    "attempts": 0,
    "commit": "",
    "by_the_clock": False,
    "pace": "{}",
}
"""What the columns MAKING hold without a record."""


def _making(planned: Planned, run: RunRecord) -> dict[str, object]:
    """The columns MAKING of a run; nobody forecasts what is imported."""
    making = _UNKNOWN | {
        "wall_time_s": run.wall_time_s,
        "env_steps_per_s": run.last_env_step / run.wall_time_s if run.wall_time_s else math.nan,
        "attempts": len(run.attempts),
        "commit": ", ".join(dict.fromkeys(attempt.commit for attempt in run.attempts if attempt.commit)),
        "pace": json.dumps({str(at.env_step): at.wall_time_s for at in run.pace}),
    }
    if run.imported:
        return making
    one = taken(planned, run, Path(planned.record))
    costs = {"forecast": one.expected, "used": one.used}
    for prefix, cost in costs.items():
        making |= {f"{prefix}_{name}": value for name, value in cost._asdict().items()}
    return making | {"by_the_clock": one.by_the_clock}


def _final(record: Record | None) -> dict[str, object]:
    """The columns of the table of runs on the final episodes: their number, mean return and variance."""
    returns = record.final_returns if record else np.array([])
    known = len(returns) > 1
    return {
        "final_episodes": len(returns),
        "final_return": returns.mean() if known else math.nan,
        "final_variance": returns.var(ddof=1) if known else math.nan,
    }


def outcomes(plan: Plan, say: Callable[[str], None] = print, *, accept_stale: bool | None = None) -> list[Gathered]:
    """What became of every planned run. say: takes a line on every proof that the present code must give; accept_stale:
    whether stale runs count (None: as the config has it)."""
    accepted = plan.config.execution.accept_stale if accept_stale is None else accept_stale
    judge = Judge(Prover(Path(plan.config.results, ".proofs"), say))
    runs = _judged_in_cells([_gathered(run, judge) for run in plan.runs.values()])
    if accepted:
        runs = [
            replace(run, stale="", message=f"{run.stale}; accepted by the config") if run.stale else run for run in runs
        ]
    return runs


def gather(plan: Plan, say: Callable[[str], None] = print) -> dict[str, pd.DataFrame]:
    """The study's tables by name: a row of `runs` for every run of the manifest, whatever became of it.

    Runs missing, invalid or made by other code say so in `status` and `stale`. say: as in `outcomes`.
    """
    planned, runs = manifest.table(plan), outcomes(plan, say)
    rows = [run.row() for run in runs]
    known = [
        ({key: row[key] for key in KEYS}, run.record)
        for row, run in zip(rows, runs, strict=True)
        if run.record and run.status not in WITHOUT_EVALUATIONS
    ]
    keys = [key for key, _ in known]
    return {
        "manifest": planned,
        "runs": pd.DataFrame(rows).astype({"stopped_at": "Int64"}),
        "evaluations": _joined(keys, [record.episodes for _, record in known], EPISODE_COLUMNS),
        "diagnostics": _joined(keys, [record.diagnostics for _, record in known], ["env_step", *DIAGNOSTICS]),
    }


def main(plan: Plan, say: Callable[[str], None] = print, declare: bool = True) -> dict[str, pd.DataFrame]:
    """Writes the tables of `gather` into the study's folder, the manifest too where it is not yet; returns them.

    declare: as of `manifest.write`.
    """
    manifest.write(plan, declare)
    for mark in plan.study_dir.glob("made_of-*.txt"):  # of other content, or of tables that are about to change
        mark.unlink()
    tables = checked(gather(plan, say))
    for name in ("runs", "evaluations", "diagnostics"):
        with atomic(plan.study_dir / f"{name}.parquet") as temporary:
            tables[name].to_parquet(temporary, index=False, write_page_checksum=True)
    asked = (
        "question",
        "outcomes",
        "expected",
        "literature",
        "factors",
        "directions",
        "tasks",
        "margin",
        "walk",
        "variant",
    )
    questions = {name: {key: getattr(one, key) for key in asked} for name, one in plan.ablations.items()}
    for name, question in questions.items():
        without = [one for one in plan.meaningless if one.ablation == name]
        question["meaningless"] = [{"arm": one.arm, "task": one.task, "why": one.why} for one in without]
        question["doses"] = _doses(plan, name)
    presets = {name: _of_preset(name) for name in sorted(set(tables["manifest"]["preset"]))}
    for name, data in (("ablations", questions), ("sources", presets)):
        with atomic(plan.study_dir / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(data, indent=1))
    if "missing" not in set(tables["runs"]["status"]):  # else a sweep gathers again, however old the records that came
        plan.made_of.touch()
    return tables


def _doses(plan: Plan, name: str) -> dict | None:
    """The field of which a question's arms are values: that of each arm, and of the baseline by task."""
    ablation = plan.ablations[name]
    if ablation.doses is None:
        return None
    field, by_arm = ablation.doses
    cells = [one.cell for one in plan.labels.values() if one.label.ablation == name and one.label.baseline]
    known = {cell.task: ablation.dose_of_baseline(cell.spec, cell.schedule) for cell in cells}
    return {"field": field, "arms": by_arm, "baseline": {task: one for task, one in known.items() if one is not None}}


def _of_preset(name: str) -> dict:
    """What a report says of a preset: its state, what it does not reproduce, and where each field comes from."""
    state = naming.state(name)
    return {
        "state": state.name,
        "reason": state.reason,
        "not_reproduced": naming.not_reproduced(name),
        "sources": load_preset(name).SOURCES,
    }


def checked(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables as SCHEMAS promise them; UsageError naming table and column where one breaks its promise."""
    for name, schema in SCHEMAS.items():
        try:
            tables = tables | {name: schema.validate(tables[name])}
        except (pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
            raise UsageError(f"the table {name} breaks its promise: {textwrap.shorten(str(error), 300)}") from None
    key = [*_RUN_KEY, "env_steps"]
    joined = tables["manifest"].merge(tables["runs"][key], on=key, how="outer", indicator="side")
    for row in joined[joined["side"] != "both"].to_dict("records"):
        run = f"seed {row['seed']} of {row['task']}/{row['implementation']}/{row['run_id']}"
        raise UsageError(f"{run} is in {'the manifest' if row['side'] == 'left_only' else 'the table of runs'} only")
    return tables


def _judged_in_cells(runs: list[Gathered]) -> list[Gathered]:
    """The runs with what is different within their cell noted.

    Of a cell two of whose seeds came to the same, every recorded run is invalid: they were no seeds.
    """
    cells: dict[tuple[str, str, str], list[Gathered]] = {}
    for run in runs:
        cells.setdefault(run.planned.cell.key, []).append(run)
    notes = {key: note_of(run.record.meta for run in cell if run.record) for key, cell in cells.items()}
    reasons = {key: _not_wired(sorted(cell, key=lambda run: run.planned.seed)) for key, cell in cells.items()}
    judged = []
    for run in runs:
        key = run.planned.cell.key
        if run.record:
            run = replace(run, note="; ".join(filter(None, [notes[key], device_note(run.record.meta)])))
            if reason := reasons[key]:
                run = replace(run, status="invalid", message=reason)
        judged.append(run)
    return judged


def _not_wired(runs: Iterable[Gathered]) -> str | None:
    """Why the finished runs of one cell cannot have had seeds of their own, as a sentence; None if they may have."""
    seen: dict[tuple[str, object], int] = {}
    for run in runs:
        if run.record is None or run.status != "finished":
            continue
        returns = run.record.episodes["return"].to_numpy()
        marks: dict[str, object] = {"ended with equal parameters": run.params_digest}
        if len(set(returns)) >= TELLING_RETURNS:
            marks["have equal returns in every evaluation"] = returns.tobytes()
        for what, mark in marks.items():
            other = seen.setdefault((what, mark), run.planned.seed)
            if mark and other != run.planned.seed:
                return f"seeds {other} and {run.planned.seed} {what}: the seed is not wired"
    return None


def _gathered(planned: Planned, judge: Judge) -> Gathered:
    """What became of a planned run, by its record."""
    path = Path(planned.record)
    if not path.exists():
        return Gathered(planned, "missing", message="no record")
    try:
        record = read(path)
        if reason := _mismatch(record, planned) or _incomplete(record, planned.cell):
            raise RecordError(f"{path}: {reason}")
        params = params_digest(path, record.meta) if record.meta.status == "finished" else ""
    except RecordError as error:
        return Gathered(planned, "invalid", message=str(error))
    meta = record.meta
    stale = judge.reason(meta)
    return Gathered(planned, meta.status, record, meta.message, stale, params_digest=params)


def _mismatch(record: Record, planned: Planned) -> str:
    """What of a record is not what its place says, hashed anew: run, seed, budget, who made it; "" if all is."""
    meta, cell = record.meta, planned.cell
    every, episodes = meta.evaluation.every, meta.evaluation.episodes
    try:
        run_id = identity.run_id(meta.spec, meta.schedule, meta.task, every, episodes)
    except (TypeError, ValueError, RecursionError):  # of a field that no spec has
        run_id = "none"
    trained_here = cell.implementation in implementations.registered()
    for name, value, expected in (
        ("run_id", run_id, cell.run_id),
        ("implementation", meta.implementation, cell.implementation),
        ("seed", meta.seed, planned.seed),
        ("env_steps", meta.env_steps, cell.env_steps),
        ("origin", "trained" if meta.imported is None else "imported", "trained" if trained_here else "imported"),
    ):
        if value != expected:
            return f"the record's {name} is {value}, its place says {expected}"
    steps = (meta.last_env_step, meta.stopped_at or 0, *record.rows["env_step"].to_pylist())
    return "" if min(steps) >= 0 and max(steps) <= cell.env_steps else "it tells of steps beyond its budget"


def _incomplete(record: Record, cell: Cell) -> str:
    """What a record that says its run finished lacks of what was to be evaluated, in words; "" if nothing."""
    meta = record.meta
    if meta.status != "finished":
        return ""
    grid = range(meta.evaluation.first or cell.evaluate_every, cell.env_steps + 1, cell.evaluate_every)
    steps = sorted(record.diagnostics["env_step"].to_pylist())
    episodes = Counter(record.episodes["env_step"].to_pylist())
    if meta.last_env_step != cell.env_steps or len(steps) != len(grid) or episodes.keys() - set(steps):
        return f"finished, but {len(steps)} of {len(grid)} evaluations are there"
    if meta.imported:  # a log has steps of its own, and may hold the mean of its episodes alone
        return "" if len(episodes) == len(steps) else "finished, but an evaluation is without an episode"
    if steps != list(grid):
        return f"finished, but not evaluated every {cell.evaluate_every:,} environment steps"
    if few := [step for step in steps if episodes[step] != cell.evaluation_episodes]:
        count = f"{episodes[few[0]]} of {cell.evaluation_episodes} episodes"
        return f"finished, but {count} are there of the evaluation at environment step {few[0]:,}"
    final = len(record.final_returns)  # none of a run whose budget was spent before they were asked for
    if final not in (0, meta.evaluation.final):
        return f"finished, but {final} of {meta.evaluation.final} final episodes are there"
    kind = "sample" if meta.schedule.evaluation_action == "sample" else "mean"
    return "" if set(record.episodes["kind"].to_pylist()) == {kind} else f"its evaluations are not all of kind {kind}"


def _joined(keys: list[dict], tables: list[arrow.Table], columns: list[str]) -> pd.DataFrame:
    """The runs' tables as one, a key beside every row of its run's."""
    if not tables:
        return pd.DataFrame(columns=[*KEYS, *columns])
    run = np.repeat(np.arange(len(keys)), [table.num_rows for table in tables])
    named = pd.DataFrame(keys).take(run).reset_index(drop=True)
    return pd.concat([named, arrow.concat_tables(tables).to_pandas()], axis=1)[[*KEYS, *columns]]

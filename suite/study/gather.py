"""Gather: every planned run's record into tidy tables. It trusts no file name, and no planned run can vanish.

Writes to the study's folder, beside the manifest: runs.parquet (what became of each planned run), evaluations.parquet,
diagnostics.parquet, ablations.json (the questions) and sources.json (each preset's state, what it does not reproduce,
and what every field cites).
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from suite.errors import UsageError
from suite.files import atomic
from suite.lab.records import DIAGNOSTICS, Record, RecordError, RunRecord, arrays_path, params_digest, read
from suite.sac import identity
from suite.sac.numerics import Numerics
from suite.sac.status import STATUSES, Status
from suite.specimens import naming
from suite.specimens.catalogue import load_preset
from suite.specimens.proofs import Prover
from suite.study import manifest
from suite.study.cells import Planned
from suite.study.plan import Plan
from suite.study.staleness import Judge, device_note, note_of

KEYS = ["task", "implementation", "run_id", "variant", "seed"]


EPISODE_COLUMNS = ["env_step", "kind", "episode", "return", "length"]


WITHOUT_EVALUATIONS = ("missing", "invalid", "interrupted")
"""Runs of these say nothing: an interrupted one, of which an attempt was cut short by an accident, is missing data."""


TELLING_RETURNS = 3
"""A curve of fewer different returns proves nothing: where every step pays 1, two seeds may agree by chance."""


_RUN = {"task": pa.Column(str), "implementation": pa.Column(str), "run_id": pa.Column(str), "seed": pa.Column(int)}


SCHEMAS = {
    "manifest": pa.DataFrameSchema(
        _RUN | {"label": pa.Column(str), "env_steps": pa.Column(int, pa.Check.gt(0))},
        unique=["task", "implementation", "label", "seed"],
    ),
    "runs": pa.DataFrameSchema(
        _RUN | {"variant": pa.Column(str), "status": pa.Column(str, pa.Check.isin(STATUSES)), "stale": pa.Column(bool)},
        unique=["task", "implementation", "run_id", "seed"],
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
        unique=["task", "implementation", "run_id", "seed", "env_step", "episode"],
        coerce=True,
    ),
    "diagnostics": pa.DataFrameSchema(
        _RUN
        | {"env_step": pa.Column(int, pa.Check.gt(0))}
        | {name: pa.Column(float, nullable=True) for name in DIAGNOSTICS},
        unique=["task", "implementation", "run_id", "seed", "env_step"],
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
            "variant": manifest.shown(label),
            "preset": label.preset,
            "ablation": label.ablation,
            "arm": label.arm,
            "seed": self.planned.seed,
            "env_steps": cell.env_steps,
        }
        settings = {
            "spec": json.dumps(identity.to_plain(cell.spec)),
            "schedule": json.dumps(identity.to_plain(cell.schedule)),
            "evaluate_every": cell.evaluate_every,
            "evaluation_episodes": cell.evaluation_episodes,
            "path": self.planned.record,
        }
        judged = {
            "status": self.status,
            "stale": bool(self.stale),
            "stale_reason": self.stale,
            "message": self.message,
            "note": self.note,
            "params_digest": self.params_digest,
        }
        return planned | judged | _told_by(self.record.meta if self.record else None) | settings


def _told_by(record: RunRecord | None) -> dict[str, object]:
    """The columns of the table of runs that a record fills; what they hold where there is none."""
    if record is None:
        return {
            "last_env_step": 0,
            "stopped_at": None,
            "wall_time_s": float("nan"),
            "code_id": "",
            "numerics": "{}",
            "kind_of_return": "",
            "updates": 0,
            "env_steps_per_s": float("nan"),
            "device": "",
            "attempts": 0,
            "versions": "{}",
        }
    return {
        "last_env_step": record.last_env_step,
        "stopped_at": record.stopped_at,
        "wall_time_s": record.wall_time_s,
        "code_id": record.code_id,
        "numerics": _versions_of(record.numerics or {}),
        "kind_of_return": record.kind_of_return,
        "updates": record.updates,
        "env_steps_per_s": record.last_env_step / record.wall_time_s if record.wall_time_s else float("nan"),
        "device": record.device,
        "attempts": len(record.attempts),
        "versions": json.dumps(record.versions),
    }


def _versions_of(made_by: Numerics) -> str:
    """The versions of the parts that made a run, as JSON."""
    return json.dumps({part: one.version for part, one in made_by.items()})


def gather(plan: Plan, say: Callable[[str], None] = print) -> dict[str, pd.DataFrame]:
    """The study's tables by name: a row of `runs` for every run of the manifest, whatever became of it.

    Runs missing, invalid or made by other code say so in `status` and `stale`. say: takes a line on every proof that
    the present code must give.
    """
    judge = Judge(Prover(Path(plan.config.results, ".proofs"), say))
    planned = manifest.table(plan)
    runs = [_gathered(plan.runs[path], judge) for path in planned["path"].unique()]
    runs = _with_notes(_with_seeds_judged(runs))
    if plan.config.execution.accept_stale:
        runs = [_accepted(run) for run in runs]
    counted = [(run.row(), run.record) for run in runs if run.record and run.status not in WITHOUT_EVALUATIONS]
    keys = [({key: row[key] for key in KEYS}, record) for row, record in counted]
    episodes = [record.episodes.to_pandas().assign(**key) for key, record in keys]
    diagnostics = [record.diagnostics.to_pandas().assign(**key) for key, record in keys]
    return {
        "manifest": planned,
        "runs": pd.DataFrame([run.row() for run in runs]).astype({"stopped_at": "Int64"}),
        "evaluations": _joined(episodes, EPISODE_COLUMNS),
        "diagnostics": _joined(diagnostics, ["env_step", *DIAGNOSTICS]),
    }


def _accepted(run: Gathered) -> Gathered:
    """A stale run as a config has it that accepts stale ones."""
    if not run.stale:
        return run
    return replace(run, stale="", message=f"{run.stale}; accepted by the config")


def main(plan: Plan, say: Callable[[str], None] = print) -> dict[str, pd.DataFrame]:
    """Writes the tables of `gather` into the study's folder, the manifest too where it is not yet; returns them."""
    manifest.write(plan)
    tables = checked(gather(plan, say))
    folder = plan.study_dir
    for name in ("runs", "evaluations", "diagnostics"):
        with atomic(folder / f"{name}.parquet") as temporary:
            tables[name].to_parquet(temporary, index=False)
    questions = {
        name: {
            "question": ablation.question,
            "metric": ablation.metric,
            "expected": ablation.expected,
            "literature": list(ablation.literature),
            "factors": ablation.factors,
        }
        for name, ablation in plan.ablations.items()
    }
    with atomic(folder / "ablations.json") as temporary:
        temporary.write_text(json.dumps(questions, indent=1))
    presets = {name: _of_preset(name) for name in sorted(set(tables["manifest"]["preset"]))}
    with atomic(folder / "sources.json") as temporary:
        temporary.write_text(json.dumps(presets, indent=1))
    return tables


def _of_preset(name: str) -> dict:
    """What a report says of a preset: its state, what it does not reproduce, and where each field comes from."""
    state = naming.state(name)
    return {"state": state.name, "reason": state.reason} | {
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
    key = ["task", "implementation", "run_id", "seed", "env_steps"]
    joined = tables["manifest"].merge(tables["runs"][key], on=key, how="outer", indicator="side")
    for row in joined[joined["side"] != "both"].to_dict("records"):
        run = f"seed {row['seed']} of {row['task']}/{row['implementation']}/{row['run_id']}"
        raise UsageError(f"{run} is in {'the manifest' if row['side'] == 'left_only' else 'the table of runs'} only")
    return tables


def _with_seeds_judged(runs: list[Gathered]) -> list[Gathered]:
    """The runs; of a cell two of whose seeds came to the same, every recorded one is invalid: they were no seeds."""
    reasons = {key: _not_wired(sorted(cell, key=lambda run: run.planned.seed)) for key, cell in _by_cell(runs).items()}
    return [
        replace(run, status="invalid", message=reason)
        if run.record and (reason := reasons[run.planned.cell.key])
        else run
        for run in runs
    ]


def _with_notes(runs: list[Gathered]) -> list[Gathered]:
    """The runs with what is different within their cell."""
    notes = {key: note_of(run.record.meta for run in cell if run.record) for key, cell in _by_cell(runs).items()}
    noted = []
    for run in runs:
        of_run = [notes[run.planned.cell.key], device_note(run.record.meta)] if run.record else []
        noted.append(replace(run, note="; ".join(filter(None, of_run))))
    return noted


def _by_cell(runs: Iterable[Gathered]) -> dict[tuple[str, str, str], list[Gathered]]:
    cells: dict[tuple[str, str, str], list[Gathered]] = {}
    for run in runs:
        cells.setdefault(run.planned.cell.key, []).append(run)
    return cells


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
        _verify(record, planned)
        params = params_digest(path, record.meta) if record.meta.status == "finished" else ""
    except (RecordError, ValueError, KeyError, TypeError) as error:
        return Gathered(planned, "invalid", message=str(error))
    meta = record.meta
    stale = judge.reason(meta)
    return Gathered(planned, meta.status, record, meta.message, stale, params_digest=params)


def _verify(record: Record, planned: Planned) -> None:
    """ValueError unless the record is what its place says: hashed anew, it was this run, seed and budget."""
    meta, cell = record.meta, planned.cell
    every, episodes, first = meta.evaluation
    run_id = identity.run_id(meta.spec, meta.schedule, meta.task, every, episodes)
    for name, value, expected in (
        ("run_id", run_id, cell.run_id),
        ("implementation", meta.implementation, cell.implementation),
        ("seed", meta.seed, planned.seed),
        ("env_steps", meta.env_steps, cell.env_steps),
    ):
        if value != expected:
            raise ValueError(f"the record's {name} is {value}, its place says {expected}")
    if meta.status not in STATUSES:
        raise ValueError(f"the record's status is {meta.status!r}, which there is not")
    if meta.status == "finished":
        evaluations = record.rows["kind"].to_pylist().count("diagnostic")
        planned_evaluations = (cell.env_steps - (first or cell.evaluate_every)) // cell.evaluate_every + 1
        if meta.last_env_step != cell.env_steps or evaluations != planned_evaluations:
            raise ValueError(f"finished, but {evaluations} of {planned_evaluations} evaluations are there")
        if not arrays_path(Path(planned.record)).exists():
            raise ValueError("finished, but its final arrays are gone")


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    ordered = [*KEYS, *columns]
    return pd.concat(parts, ignore_index=True)[ordered] if parts else pd.DataFrame(columns=ordered)

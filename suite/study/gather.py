"""Gather: every planned run's record into tidy tables. It trusts no file name, and no planned run can vanish.

Writes to the study's folder, beside the manifest: runs.parquet (what became of each planned run), evaluations.parquet,
diagnostics.parquet, ablations.json (the questions) and sources.json (each preset's state, what it does not reproduce,
and what every field cites).
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

import implementations
from suite.errors import UsageError
from suite.files import atomic
from suite.lab.records import DIAGNOSTICS, Record, RecordError, arrays_path, params_digest, read
from suite.sac import identity
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec
from suite.sac.status import STATUSES
from suite.specimens import naming as conformance
from suite.specimens.catalogue import load_preset
from suite.study import manifest
from suite.study.cells import Planned
from suite.study.plan import Plan

KEYS = ["task", "implementation", "run_id", "variant", "seed"]


EPISODE_COLUMNS = ["env_step", "kind", "episode", "return", "length"]


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


def gather(plan: Plan) -> dict[str, pd.DataFrame]:
    """The study's tables by name: a row of `runs` for every run of the manifest, whatever became of it.

    Runs missing, invalid or made by other code say so in `status` and `stale`.
    """
    engines = {cell.implementation for cell in plan.cells} - plan.imported
    current = {name: identity.code_id(implementations.registered()[name].target.split(":")[0]) for name in engines}
    planned = manifest.table(plan)
    found = {path: _run(plan.runs[path], current) for path in planned["path"].unique()}
    _judge_seeds(found)
    runs, episodes, diagnostics = [], [], []
    for row, record in found.values():
        if row["stale"] and plan.config.execution.accept_stale:
            row |= {"stale": False, "message": f"made by other code ({row['code_id']}), accepted by the config"}
        runs.append(row)
        if row["status"] in ("missing", "invalid"):
            continue
        keys = {key: row[key] for key in KEYS}
        episodes.append(record.episodes.to_pandas().assign(**keys))
        diagnostics.append(record.diagnostics.to_pandas().assign(**keys))
    return {
        "manifest": planned,
        "runs": pd.DataFrame(runs).astype({"stopped_at": "Int64"}),
        "evaluations": _joined(episodes, EPISODE_COLUMNS),
        "diagnostics": _joined(diagnostics, ["env_step", *DIAGNOSTICS]),
    }


def main(plan: Plan) -> dict[str, pd.DataFrame]:
    """Writes the tables of `gather` into the study's folder, the manifest too where it is not yet; returns them."""
    manifest.write(plan)
    tables = checked(gather(plan))
    folder = plan.study_dir
    for name in ("runs", "evaluations", "diagnostics"):
        table = tables[name]
        with atomic(folder / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
    prose = {
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
        temporary.write_text(json.dumps(prose, indent=1))
    presets = {name: _of_preset(name) for name in sorted(set(tables["manifest"]["preset"]))}
    with atomic(folder / "sources.json") as temporary:
        temporary.write_text(json.dumps(presets, indent=1))
    return tables


def _of_preset(name: str) -> dict:
    """What a report says of a preset: its state, what it does not reproduce, and where each field comes from."""
    state = conformance.state(name)
    return {"state": state.name, "reason": state.reason} | {
        "not_reproduced": conformance.not_reproduced(name),
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


def _judge_seeds(found: dict[str, tuple[dict, Record | None]]) -> None:
    """Makes every recorded run of a cell invalid if two of its seeds came to the same: they were no seeds."""
    cells: dict[tuple, list[tuple[dict, Record]]] = {}
    for row, record in found.values():
        if record is not None:
            cells.setdefault((row["task"], row["implementation"], row["run_id"]), []).append((row, record))
    for runs in cells.values():
        if reason := _not_wired(sorted(runs, key=lambda run: run[0]["seed"])):
            for row, _ in runs:
                row |= {"status": "invalid", "message": reason}


def _not_wired(runs: list[tuple[dict, Record]]) -> str | None:
    """Why the finished runs of one cell cannot have had seeds of their own, as a sentence; None if they may have."""
    seen: dict[tuple[str, object], int] = {}
    for row, record in runs:
        if row["status"] != "finished":
            continue
        returns = record.episodes["return"].to_numpy()
        marks = {"ended with equal parameters": row["params_digest"]}
        if len(set(returns)) >= TELLING_RETURNS:
            marks["have equal returns in every evaluation"] = returns.tobytes()
        for what, mark in marks.items():
            other = seen.setdefault((what, mark), row["seed"])
            if mark and other != row["seed"]:
                return f"seeds {other} and {row['seed']} {what}: the seed is not wired"
    return None


def _run(planned: Planned, current: dict[str, str]) -> tuple[dict, Record | None]:
    """One run's row, and its record if there is a valid one; current: the present code of each that is trained here."""
    cell = planned.cell
    row = {
        "task": cell.task,
        "implementation": cell.implementation,
        "run_id": cell.run_id,
        "variant": manifest.shown(cell.variant),
        "seed": planned.seed,
        "env_steps": cell.env_steps,
        "status": "missing",
        "stale": False,
        "last_env_step": 0,
        "stopped_at": None,
        "message": "no record",
        "wall_time_s": float("nan"),
        "code_id": "",
        "kind_of_return": "",
        "updates": 0,
        "env_steps_per_s": float("nan"),
        "device": "",
        "attempts": 0,
        "params_digest": "",
        "versions": "{}",
        "spec": json.dumps(identity.to_plain(cell.spec)),
        "schedule": json.dumps(identity.to_plain(cell.schedule)),
        "evaluate_every": cell.evaluate_every,
        "evaluation_episodes": cell.evaluation_episodes,
        "path": planned.record,
    }
    if not Path(planned.record).exists():
        return row, None
    try:
        record = read(Path(planned.record))
        _verify(record, planned)
        params = params_digest(Path(planned.record), record.meta) if record.meta["status"] == "finished" else ""
    except (RecordError, ValueError, KeyError, TypeError) as error:
        return row | {"status": "invalid", "message": str(error)}, None
    meta = record.meta
    same = ("status", "last_env_step", "stopped_at", "message", "wall_time_s", "code_id", "updates", "device")
    row |= {key: meta[key] for key in same}
    row |= {
        "stale": meta["code_id"] != current.get(cell.implementation, meta["code_id"]),
        "kind_of_return": _kind_of_return(meta),
        "env_steps_per_s": meta["last_env_step"] / meta["wall_time_s"] if meta["wall_time_s"] else float("nan"),
        "attempts": len(meta["attempts"]),
        "params_digest": params,
        "versions": json.dumps(meta["versions"]),
    }
    return row, record


def _kind_of_return(meta: dict) -> str:
    """As references have it: "deterministic" or "sampled" evaluations, or (of an imported log alone) "training"."""
    if imported := meta["origin"].get("imported"):
        return {"mean": "deterministic", "sample": "sampled", "training": "training"}[imported["kind"]]
    return "sampled" if meta["schedule"]["evaluation_action"] == "sample" else "deterministic"


def _verify(record: Record, planned: Planned) -> None:
    """ValueError unless the record is what its place says: hashed anew, it was this run, seed and budget."""
    meta, cell = record.meta, planned.cell
    spec, schedule = identity.from_plain(SacSpec, meta["spec"]), identity.from_plain(Schedule, meta["schedule"])
    evaluation = meta["evaluation"]
    found = {
        "run_id": identity.run_id(spec, schedule, meta["task"], evaluation["every"], evaluation["episodes"]),
        "implementation": meta["implementation"],
        "seed": meta["seed"],
        "env_steps": meta["env_steps"],
    }
    expected = {
        "run_id": cell.run_id,
        "implementation": cell.implementation,
        "seed": planned.seed,
        "env_steps": cell.env_steps,
    }
    for name, value in found.items():
        if value != expected[name]:
            raise ValueError(f"the record's {name} is {value}, its place says {expected[name]}")
    if meta["status"] == "finished":
        evaluations = sum(1 for kind in record.rows["kind"].to_pylist() if kind == "diagnostic")
        first = meta["evaluation"].get("first", cell.evaluate_every)
        planned_evaluations = (cell.env_steps - first) // cell.evaluate_every + 1
        if meta["last_env_step"] != cell.env_steps or evaluations != planned_evaluations:
            raise ValueError(f"finished, but {evaluations} of {planned_evaluations} evaluations are there")
        if not arrays_path(Path(planned.record)).exists():
            raise ValueError("finished, but its final arrays are gone")


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    ordered = [*KEYS, *columns]
    return pd.concat(parts, ignore_index=True)[ordered] if parts else pd.DataFrame(columns=ordered)

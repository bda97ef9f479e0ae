"""What became of each planned run: its curve, its status, its final score."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from suite.sac.status import FAILED, STATUSES
from suite.study.cells import CELL

SCORED_SHARE = 0.1  # of the budget, at its end: the evaluations that make a run's final score


DIAGNOSTICS = ("q_bias", "entropy", "alpha", "tanh_saturation", "actor_grad_norm", "critic_grad_norm",
               "critic_loss", "actor_loss")  # fmt: skip


def planned_runs(manifest: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """One row per planned run, also of those without any record: a planned run can never vanish."""
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


def run_curves(evaluations: pd.DataFrame) -> dict[tuple, dict]:
    """Each run's curve: (task, implementation, run_id, seed) -> env_steps, values, episodes per evaluation, kind.

    A value is the mean over the episodes with the deterministic action, or with the sampled one if the run was
    evaluated with that alone. The curve is cut before the first value that is not a finite number ("broken" there).
    """
    if evaluations.empty:
        return {}
    has_mean = evaluations["kind"].eq("mean").groupby([evaluations[name] for name in (*CELL, "seed")]).transform("any")
    used = evaluations[evaluations["kind"].eq("mean") | ~has_mean].sort_values("episode")
    used = used.assign(**{"return": used["return"].where(np.isfinite(used["return"]), np.inf)})  # a mean skips NaN
    table = used.groupby([*CELL, "seed", "env_step"])["return"].agg(["mean", "size"]).reset_index()
    kinds = used.groupby([*CELL, "seed"])["kind"].first()
    found = {}
    for key, rows in table.groupby([*CELL, "seed"]):
        finite = np.isfinite(rows["mean"].to_numpy())
        kept = len(rows) if finite.all() else int(finite.argmin())
        found[key] = {
            "env_steps": rows["env_step"].tolist()[:kept],
            "values": rows["mean"].tolist()[:kept],
            "episodes": rows["size"].tolist()[:kept],
            "kind": kinds[key],
            "broken": None if kept == len(rows) else int(rows["env_step"].iloc[kept]),
        }
    return found


def one_run(row: dict, curves_of: dict, first: dict, random_policy: Mapping[str, float]) -> dict:
    """One seed: its curve, its status, its floor, its score (None: not averaged), and what is to be said about it."""
    cell = tuple(row[name] for name in CELL)
    curve = curves_of.get((*cell, row["seed"]), {"env_steps": [], "values": [], "episodes": [], "kind": None})
    status, message = row["status"], _text(row.get("message"))
    stopped_at = next((int(row[name]) for name in ("stopped_at", "last_env_step") if pd.notna(row.get(name))), None)
    if status == "finished" and curve.get("broken") is not None:
        status, stopped_at, message = "diverged", curve["broken"], "an evaluation returned no finite number"
    elif status == "finished" and not curve["values"]:
        status, message = "invalid", "it finished without a single evaluation"
    failed = status in FAILED
    stopped_at = (stopped_at or 0) if failed else None
    others = [value for key, value in first.items() if key[0] == row["task"]]
    floors = [random_policy.get(row["task"]), *curve["values"][:1], *([float(np.mean(others))] if others else [])]
    floor = next((value for value in floors if value is not None), None)
    if status == "finished":
        steps, late = np.array(curve["env_steps"]), (1 - SCORED_SHARE) * row["env_steps"]
        chosen = steps > late if (steps > late).any() else steps == steps[-1]
        final = np.average(np.array(curve["values"])[chosen], weights=np.array(curve["episodes"])[chosen])
    else:
        final = None
    run = {
        "seed": int(row["seed"]),
        "status": status,
        "stale": bool(row["stale"]),
        "stopped_at": stopped_at,
        "floor": floor,
        "final": final,
        "score": None if row["stale"] else floor if failed else final,
        "kind": "training" if row.get("kind_of_return") == "training" else curve["kind"],
        "env_steps": curve["env_steps"],
        "values": curve["values"],
    }
    return run | {"sentence": _sentence(run, row, message, row["task"] in random_policy)}


def _sentence(run: dict, row: dict, message: str, floor_is_random: bool) -> str:
    """What the report says of a run that did not simply finish; empty for one that did."""
    said = []
    if run["status"] in FAILED:
        said.append(f"{run['status']} at environment step {run['stopped_at']:,} of {row['env_steps']:,}")
    elif run["status"] != "finished":
        said.append(f"{run['status']}, not averaged")
    if message and run["status"] != "finished":
        said.append(message)
    if run["stale"]:
        said.append(f"stale: made by other code (code_id {row.get('code_id')}), not averaged")
    elif run["status"] in FAILED and run["floor"] is None:
        said.append("no floor is known for it, so it is not averaged")
    elif run["status"] in FAILED:
        origin = "the random policy's return" if floor_is_random else "its first evaluation, or the task's mean one"
        said.append(f"scored {run['floor']:.6g}, {origin}")
    return "; ".join(said)


def end_of_run(diagnostics: pd.DataFrame, planned: pd.DataFrame) -> dict[tuple, pd.DataFrame]:
    """Each cell's diagnostics, averaged per seed over the same end of the budget as the score."""
    if diagnostics.empty:
        return {}
    budgets = planned.drop_duplicates(CELL)[[*CELL, "env_steps"]]
    rows = diagnostics.merge(budgets, on=CELL)
    last = rows.groupby([*CELL, "seed"])["env_step"].transform("max")
    rows = rows[(rows["env_step"] > (1 - SCORED_SHARE) * rows["env_steps"]) | (rows["env_step"] == last)]
    columns = [name for name in DIAGNOSTICS if name in rows]
    per_seed = rows.groupby([*CELL, "seed"])[columns].mean().reset_index("seed")
    return {key: part for key, part in per_seed.groupby(level=CELL)}


def _text(value: object) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value)

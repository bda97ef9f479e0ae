"""The statistics step: from the tidy tables of a study to results.json, from which figures and report are drawn.

A cell is one task, implementation and variant: the seeds that share all but the seed. Every cell counts its planned
runs; a run that diverged or crashed scores the floor, one without a result or made by other code is listed and not
averaged. What cells say against each other is suite.inference's. results.json holds no wall time, and every number that
needs draws has its own stream: the same rows give the same bytes, whatever the number of workers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from suite import inference
from suite.inference import CELL, Declared, Run
from suite.records import STATUSES, atomic
from suite.references import Scale
from suite.statistics import aggregate, bootstrap, curves, failures, reliability

SCORED_SHARE = 0.1  # of the budget, at its end: the evaluations that make a run's final score
DIAGNOSTICS = ("q_bias", "entropy", "alpha", "tanh_saturation", "actor_grad_norm", "critic_grad_norm",
               "critic_loss", "actor_loss")  # fmt: skip
RUN_CURVE = ("seed", "status", "stopped_at", "floor", "env_steps", "values")
PACKAGES = ("numpy", "scipy", "statsmodels", "pandas")


@contextmanager
def crew(workers: int) -> Iterator[Run]:
    """Somebody to do jobs: this process alone, or so many others beside it."""
    if workers == 1:
        yield lambda jobs: [job() for job in jobs]
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield lambda jobs: list(pool.map(_do, jobs))


def _do(job: Callable[[], dict]) -> dict:
    return job()


def summarise(
    manifest: pd.DataFrame,
    runs: pd.DataFrame,
    evaluations: pd.DataFrame,
    diagnostics: pd.DataFrame,
    ablations: Mapping,
    *,
    study: str,
    random_policy: Mapping[str, float],
    anchors: Mapping[str, Scale] | None = None,
    second_anchors: Mapping[str, Scale] | None = None,
    check: Iterable[dict] = (),
    declared: Declared = Declared(),  # noqa: B008 - immutable
    workers: int = 1,
) -> dict:
    """Every number of the report as one JSON-able dict, from the tidy tables of a study (columns: suite.gather).

    random_policy: the mean return per episode of the random policy by task, the floor of a failed run; anchors: what
    normalises scores, by task, and a second set to compare with; check: the regression check's rows.
    """
    anchors, second_anchors = anchors or {}, second_anchors or {}
    planned = _planned(manifest, runs)
    values = _evaluations(evaluations)
    first = {key: curve["values"][0] for key, curve in values.items() if curve["values"]}
    ends = _end_of_run(diagnostics, planned)
    labels = manifest.groupby(CELL, sort=False)["label"].unique()
    identities, jobs, ledger = [], [], []
    for key, rows in planned.groupby(CELL, sort=False):
        seeds = [_run(row, values, first, random_policy) for row in rows.sort_values("seed").to_dict("records")]
        identity = {
            **dict(zip(CELL, key, strict=True)),
            "variant": rows["variant"].iloc[0],
            "labels": list(labels[key]),
            "env_steps": int(rows["env_steps"].iloc[0]),
        }
        identities.append(identity | {"diagnostics": _diagnostics(ends.get(key), seeds)})
        protocol = {name: rows[name].dropna().iloc[:1].tolist() for name in ("evaluate_every", "evaluation_episodes")}
        jobs.append(partial(_described, key, seeds, identity["env_steps"], protocol, declared))
        ledger += [{**identity, **_public(run)} for run in seeds if run["sentence"]]
    with crew(workers) as run:
        described = run(jobs)
        cells = [identity | told["cell"] for identity, told in zip(identities, described, strict=True)]
        curves_of = {
            inference.key_of(cell): told["aligned"]
            for cell, told in zip(cells, described, strict=True)
            if told["aligned"] is not None
        }
        compared = inference.infer(
            cells, curves_of, manifest, ablations, list(check), anchors, second_anchors, declared, run
        )
    settings = {
        "confidence": declared.confidence,
        "resamples": declared.resamples,
        "curve_resamples": declared.curve_resamples,
        "limit_error": bootstrap.limit_error(declared.confidence, declared.resamples),
        "seed": declared.seed,
        "scored_share": SCORED_SHARE,
        "random_policy": {task: random_policy.get(task) for task in manifest["task"].unique()},
        "equivalence": declared.equivalence,
        "anchors": {
            name: {task: own[task]._asdict() for task in manifest["task"].unique() if task in own}
            for name, own in {"primary": anchors, "second": second_anchors}.items()
        },
    }
    counts = planned["status"].value_counts()
    return plain({
        "study": study,
        "settings": settings,
        "versions": {name: version(name) for name in PACKAGES},
        "counts": {
            "planned": len(planned),
            **{status: counts.get(status, 0) for status in STATUSES},
            "stale": planned["stale"].sum(),
        },
        "cells": cells,
        "curves": [
            {name: cell[name] for name in (*CELL, "variant", "labels", "env_steps")} | told["curve"]
            for cell, told in zip(cells, described, strict=True)
        ],
        "ledger": ledger,
        **compared,
    })  # fmt: skip


def _planned(manifest: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
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


def _evaluations(evaluations: pd.DataFrame) -> dict[tuple, dict]:
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


def _run(row: dict, curves_of: dict, first: dict, random_policy: Mapping[str, float]) -> dict:
    """One seed: its curve, its status, its floor, its score (None: not averaged), and what is to be said about it."""
    cell = tuple(row[name] for name in CELL)
    curve = curves_of.get((*cell, row["seed"]), {"env_steps": [], "values": [], "episodes": [], "kind": None})
    status, message = row["status"], _text(row.get("message"))
    stopped_at = next((int(row[name]) for name in ("stopped_at", "last_env_step") if pd.notna(row.get(name))), None)
    if status == "finished" and curve.get("broken") is not None:
        status, stopped_at, message = "diverged", curve["broken"], "an evaluation returned no finite number"
    elif status == "finished" and not curve["values"]:
        status, message = "invalid", "it finished without a single evaluation"
    failed = status in failures.FAILED
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
    if run["status"] in failures.FAILED:
        said.append(f"{run['status']} at environment step {run['stopped_at']:,} of {row['env_steps']:,}")
    elif run["status"] != "finished":
        said.append(f"{run['status']}, not averaged")
    if message and run["status"] != "finished":
        said.append(message)
    if run["stale"]:
        said.append(f"stale: made by other code (code_id {row.get('code_id')}), not averaged")
    elif run["status"] in failures.FAILED and run["floor"] is None:
        said.append("no floor is known for it, so it is not averaged")
    elif run["status"] in failures.FAILED:
        origin = "the random policy's return" if floor_is_random else "its first evaluation, or the task's mean one"
        said.append(f"scored {run['floor']:.6g}, {origin}")
    return "; ".join(said)


def _described(key: tuple, seeds: list[dict], budget: int, protocol: dict, declared: Declared) -> dict:
    """A cell's numbers, its curve, and the grid and curves [runs, T] that comparisons take."""
    curve, aligned = _curve(seeds, budget, protocol, declared, declared.rng("curve", *key))
    return {"cell": _cell(seeds, declared, key), "curve": curve, "aligned": aligned}


def _cell(seeds: list[dict], declared: Declared, key: tuple) -> dict:
    """What was planned, what is known, mean with Student's interval, IQM with the bootknife's, spread and risk."""
    scored = [run for run in seeds if run["score"] is not None]
    scores = np.array([run["score"] for run in scored])
    failed = np.array([run["status"] in failures.FAILED for run in scored], dtype=bool)
    fresh = [run for run in seeds if not run["stale"]]
    decided = sum(run["status"] in ("finished", *failures.FAILED) for run in fresh)
    n_failed = sum(run["status"] in failures.FAILED for run in fresh)
    absent = len(seeds) - len(scored)
    floor = min((run["floor"] for run in seeds if run["floor"] is not None), default=None)
    complete = failures.complete_case(scores, failed)
    last = np.array([run["values"][-1] if run["status"] in failures.FAILED and run["values"] else run["score"]
                     for run in scored])  # fmt: skip
    confidence = declared.confidence
    return {
        "n_planned": len(seeds),
        "n_finished": sum(run["status"] == "finished" for run in fresh),
        **{f"n_{status}": sum(run["status"] == status for run in fresh) for status in STATUSES[1:]},
        "n_stale": len(seeds) - len(fresh),
        "n_scored": len(scored),
        "kind": next((run["kind"] for run in seeds if run["kind"]), None),
        "seeds": [_public(run) for run in seeds],
        "mean": _mean(scores, confidence),
        "studentised": _studentised(scores, declared, key),
        "sd": scores.std(ddof=1) if len(scores) > 1 else None,
        "median": np.median(scores) if len(scores) else None,
        "lowest": scores.min(initial=np.inf) if len(scores) else None,
        "highest": scores.max(initial=-np.inf) if len(scores) else None,
        "iqm": _iqm(scores, declared, key),
        "complete_case": {"n": len(complete), **_mean(complete, confidence)},
        "carried_forward": _mean(last, confidence) if failed.any() else None,
        "bounds": failures.bounds(scores, absent, floor)._asdict() if absent and len(scores) else None,
        "failure_rate": failures.wilson(n_failed, decided, confidence)._asdict() if decided else None,
        "distribution": _distribution(scores),
    }


def _public(run: dict) -> dict:
    return {name: run[name] for name in ("seed", "status", "stale", "stopped_at", "score", "sentence")}


def _mean(scores: np.ndarray, confidence: float) -> dict:
    """The mean with Student's interval; with one score the mean alone, with none nothing."""
    if len(scores) > 1:
        return aggregate.student(scores, confidence)._asdict()
    estimate = scores[0] if len(scores) else None
    return {"estimate": estimate, "low": None, "high": None, "standard_error": None}


def _iqm(scores: np.ndarray, declared: Declared, key: tuple) -> dict:
    if len(scores) < 2:
        return _mean(scores, declared.confidence)
    options = {"confidence": declared.confidence, "resamples": declared.resamples, "rng": declared.rng("iqm", *key)}
    return bootstrap.stratified(scores, aggregate.iqm, **options)._asdict()


def _studentised(scores: np.ndarray, declared: Declared, key: tuple) -> dict:
    if len(scores) < 2:
        return _mean(scores, declared.confidence)
    rng = declared.rng("studentised", *key)
    return bootstrap.studentised_mean(scores, declared.confidence, declared.curve_resamples, rng)._asdict()


def _distribution(scores: np.ndarray) -> dict | None:
    """Where single runs lie: dispersion over seeds, the mean of the worst tenth, a normal tolerance interval (the range
    that holds 90 % of all runs with 95 % confidence, if returns are normal)."""
    if len(scores) < 2:
        return None
    low, high, *_ = reliability.tolerance_interval(scores, 0.90, 0.95, kind="normal")
    return {
        "iqr": reliability.dispersion_across(scores[:, None], "iqr")[0],
        "mad": reliability.dispersion_across(scores[:, None], "mad")[0],
        "cvar": reliability.cvar(scores, 0.1, "lower"),
        "tolerance": {"low": low, "high": high},
    }


def _curve(
    seeds: list[dict], budget: int, protocol: dict, declared: Declared, rng: np.random.Generator
) -> tuple[dict, tuple[np.ndarray, np.ndarray] | None]:
    """Every run's own curve, their mean on the planned grid, its band if at least five runs are scored, and the area;
    beside it the grid and the scored runs' curves on it.

    The mean stands only where every scored run has a value: a mean over changing runs would jump by itself.
    """
    shown = [run for run in seeds if not run["stale"]]
    scored = [run for run in shown if run["score"] is not None]
    result = {
        "evaluation_episodes": next((int(n) for n in protocol["evaluation_episodes"]), None),
        "runs": [{name: run[name] for name in RUN_CURVE} for run in shown],
        "n_scored": len(scored),
        "grid": [],
        "mean": [],
        "band": None,
        "area": _mean(np.array([]), declared.confidence),
        "reliability": None,
        "note": "",
    }
    if not scored or not protocol["evaluate_every"]:
        return result | {"note": "no run to average"}, None
    window = int(protocol["evaluate_every"][0])
    start = 0 if any(run["env_steps"][:1] == [0] for run in scored) else window
    grid = np.unique([*range(start, budget + 1, window), budget])
    aligned = []
    for run in scored:
        curve = curves.align(run["env_steps"], run["values"], grid, window)
        failed = run["status"] in failures.FAILED
        aligned.append(failures.curve_at_floor(curve, grid, run["stopped_at"], run["floor"]) if failed else curve)
    known = np.isfinite(aligned).all(axis=0)
    grid, aligned = grid[known], np.array(aligned)[:, known]
    result |= {"grid": grid, "mean": aligned.mean(axis=0)}
    if len(grid) > 1:
        area = np.array([curves.area_under_curve(grid, run) for run in aligned])
        result["area"] = _mean(area, declared.confidence)
    if len(grid) > 2:
        result["reliability"] = _reliability(aligned)
    try:
        band = curves.sup_t_band(aligned, declared.confidence, resamples=declared.curve_resamples, rng=rng)
        result["band"] = {"low": band.low, "high": band.high, "quantile": band.quantile}
    except ValueError as refusal:
        result["note"] = str(refusal)
    return result, (grid, aligned) if len(grid) else None


def _reliability(aligned: np.ndarray) -> dict:
    """How steadily the runs [n, T] learn: median over runs of each one's own measure (Chan et al. 2020, 1912.05663)."""
    whole = aligned.shape[1] - 1
    return {
        "dispersion_within": np.median(reliability.dispersion_within(aligned, whole)),
        "cvar_of_steps": np.median(reliability.cvar_of_differences(aligned, 0.1)),
        "max_drawdown": np.median(reliability.max_drawdown(aligned)),
    }


def _end_of_run(diagnostics: pd.DataFrame, planned: pd.DataFrame) -> dict[tuple, pd.DataFrame]:
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


def _diagnostics(per_seed: pd.DataFrame | None, seeds: list[dict]) -> dict:
    """Mean and standard deviation over the finished seeds of every diagnostic that was recorded."""
    if per_seed is None:
        return {}
    finished = [run["seed"] for run in seeds if run["status"] == "finished" and not run["stale"]]
    rows = per_seed[per_seed["seed"].isin(finished)].drop(columns="seed")
    described = {name: rows[name][np.isfinite(rows[name])] for name in rows}
    return {
        name: {"mean": x.mean(), "sd": x.std(ddof=1) if len(x) > 1 else None, "n": len(x)}
        for name, x in described.items()
        if len(x)
    }


def _text(value: object) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value)


def plain(value: object) -> object:
    """The same value of plain Python types; a number that is not finite is None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read(study_dir: Path, name: str) -> object:
    """A JSON file of the study, or an empty list where the study has none."""
    path = Path(study_dir) / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def main(study_dir: Path, **options: object) -> None:
    """Write results.json beside the tidy tables in study_dir; options as of `summarise`."""
    study_dir = Path(study_dir)
    names = ("manifest", "runs", "evaluations", "diagnostics")
    tables = [pd.read_parquet(study_dir / f"{name}.parquet") for name in names]
    checked = read(study_dir, "check.json") or {"rows": [], "notes": []}
    results = summarise(
        *tables,
        read(study_dir, "ablations.json") or {},
        study=study_dir.name,
        check=checked["rows"],
        **options,
    )
    results["unmatched"] = checked["notes"]
    results["declaration"] = read(study_dir, "declaration.json") or None
    with atomic(study_dir / "results.json") as temporary:
        text = json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")

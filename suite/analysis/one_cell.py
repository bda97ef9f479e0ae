"""The numbers of one cell: mean, interquartile mean, spread, failures, curve with its band, diagnostics."""

from __future__ import annotations

import numpy as np
import pandas as pd

from suite.analysis.declared import Declared
from suite.sac.status import FAILED, STATUSES
from suite.statistics import aggregate, bootstrap, curves, failures, reliability

RUN_CURVE = ("seed", "status", "stopped_at", "floor", "env_steps", "values")


def described_cell(key: tuple, seeds: list[dict], budget: int, protocol: dict, declared: Declared) -> dict:
    """A cell's numbers, its curve, and the grid and curves [runs, T] that comparisons take."""
    curve, aligned = _curve(seeds, budget, protocol, declared, declared.rng("curve", *key))
    return {"cell": _cell(seeds, declared, key), "curve": curve, "aligned": aligned}


def _cell(seeds: list[dict], declared: Declared, key: tuple) -> dict:
    """What was planned, what is known, mean with Student's interval, IQM with the bootknife's, spread and risk."""
    scored = [run for run in seeds if run["score"] is not None]
    scores = np.array([run["score"] for run in scored])
    failed = np.array([run["status"] in FAILED for run in scored], dtype=bool)
    fresh = [run for run in seeds if not run["stale"]]
    decided = sum(run["status"] in ("finished", *FAILED) for run in fresh)
    n_failed = sum(run["status"] in FAILED for run in fresh)
    absent = len(seeds) - len(scored)
    floor = min((run["floor"] for run in seeds if run["floor"] is not None), default=None)
    complete = failures.complete_case(scores, failed)
    last = np.array([run["values"][-1] if run["status"] in FAILED and run["values"] else run["score"]
                     for run in scored])  # fmt: skip
    confidence = declared.confidence
    return {
        "n_planned": len(seeds),
        "n_finished": sum(run["status"] == "finished" for run in fresh),
        **{f"n_{status}": sum(run["status"] == status for run in fresh) for status in STATUSES[1:]},
        "n_stale": len(seeds) - len(fresh),
        "n_scored": len(scored),
        "kind": next((run["kind"] for run in seeds if run["kind"]), None),
        "seeds": [public_run(run) for run in seeds],
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


def public_run(run: dict) -> dict:
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
        failed = run["status"] in FAILED
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


def cell_diagnostics(per_seed: pd.DataFrame | None, seeds: list[dict]) -> dict:
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

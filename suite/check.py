"""The regression check: every cell of a study against every published result of the same settings."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from suite import references as published
from suite.references import Anchor, BrokenReference, Reference, trailing_mean
from suite.statistics.compare import summary
from suite.statistics.equivalence import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    SUSPICIOUSLY_BETTER,
    non_inferiority_from_summary,
)
from suite.statistics.failures import FAILED, curve_at_floor

SCHEME = {
    *("temperature.kind", "critics", "target_reduce", "actor_reduce", "value_net", "value_net.kind"),
    *("entropy_in_target", "evaluation_action"),
}
"""Settings whose difference makes another algorithm or another measurement: such a cell is not compared at all."""
ADVISED = 2
"""A cell that differs in at most so many other settings is compared as advice: shown with them, never deciding.

With more it is a setting of its own (another network, other rates) and not compared either.
"""


def check(
    tables: Mapping[str, pd.DataFrame],
    references: Sequence[Reference],
    random_policy: Mapping[str, Anchor],
    *,
    margin: float,
    confidence: float,
) -> list[dict]:
    """One row per cell (task, implementation, variant), comparable reference and published step within its budget.

    tables: "runs" and "evaluations" as gather writes them. margin: the tolerated loss as a fraction of the reference's
    return above the random policy's; confidence: of the two-sided Welch interval (0.90: one-sided limits at 95 %).
    A diverged or crashed run counts at the random policy's return from where it stopped; a run without a result is
    missing, and a PASS must also hold with every missing run at that return.
    """
    curves = _curves(tables["evaluations"])
    rows = []
    for cell, runs in tables["runs"].groupby(["task", "implementation", "variant", "run_id"], sort=True):
        task, spec, schedule = cell[0], json.loads(runs["spec"].iloc[0]), json.loads(runs["schedule"].iloc[0])
        for reference in (reference for reference in references if task in reference.comparable_tasks):
            if task not in random_policy:
                raise BrokenReference(f"random_policy.csv: task {task} is missing; suite.references.measure adds it")
            for at in sorted(reference.values):
                differs = differences(reference.settings, spec, schedule, at)
                planned = runs[runs["env_steps"] >= at]
                if len(planned) and len(differs) <= ADVISED and not SCHEME & differs.keys():
                    floor = random_policy[task].mean
                    rows.append(_row(cell, planned, curves, reference, at, floor, differs, margin, confidence))
    return rows


def main(
    study_dir: str | Path,
    *,
    margin: float = 0.10,
    confidence: float = 0.90,
    random_policy: Mapping[str, Anchor] | None = None,
) -> list[dict]:
    """Checks a gathered study against the suite's references and writes the rows to its check.json."""
    study_dir = Path(study_dir)
    tables = {name: pd.read_parquet(study_dir / f"{name}.parquet") for name in ("runs", "evaluations")}
    anchors = published.random_policy() if random_policy is None else random_policy
    rows = check(tables, published.load(), anchors, margin=margin, confidence=confidence)
    partial = study_dir / ".check.json.partial"
    partial.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n")
    partial.replace(study_dir / "check.json")
    return rows


def failing(rows: Sequence[dict]) -> list[dict]:
    """The rows that fail a study: a FAIL that is no mere advice."""
    return [row for row in rows if row["verdict"] == FAIL and not row["advisory"]]


def differences(settings: Mapping, spec: Mapping, schedule: Mapping, at: int) -> dict[str, tuple[object, object]]:
    """Every setting in which a cell differs from the reference's, as field path -> (here, there).

    Counts that differ by one step are equal (code bases count from 0 or from 1), and so are replay capacities that
    both hold all `at` steps.
    """
    found = {}
    for path, there in settings.items():
        here = _lookup({**schedule, **spec}, path)
        if path == "replay_capacity" and isinstance(here, int):
            here, there = min(here, at), min(there, at)
        if path in ("warmup_steps", "learn_after") and isinstance(here, int) and abs(here - there) <= 1:
            continue
        parent = path.rpartition(".")[0]
        if here != there and f"{parent}.kind" not in found:
            found[path] = (here, there)
    return found


def _lookup(data: object, path: str) -> object:
    for name in path.split("."):
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def _curves(episodes: pd.DataFrame) -> dict[tuple, pd.Series]:
    """Mean return per evaluation (index: environment step) of every run, over its episodes under the mean action."""
    keys = ["task", "implementation", "run_id", "seed"]
    mine = episodes[episodes["kind"] == "mean"].drop_duplicates([*keys, "env_step", "episode"])
    means = mine.groupby([*keys, "env_step"])["return"].mean(skipna=False)
    return {run: curve.droplevel(keys) for run, curve in means.groupby(level=keys)}


def _row(cell, planned, curves, reference, at, floor, differs, margin, confidence) -> dict:
    task, implementation, variant, run_id = cell
    runs = _one_per_seed(planned)
    values = np.array([_value(run, curves.get((task, implementation, run_id, run.seed)), at, floor) for run in runs])
    has_value = np.isfinite(values)
    failed = sum(run.status in FAILED for run, present in zip(runs, has_value, strict=True) if present)
    missing = int((~has_value).sum())
    values = values[has_value]
    there = summary(reference.values[at])
    if there[0] <= floor:
        raise BrokenReference(f"{reference.name}: value at env_step {at} is not above the random policy of {task}")
    allowed = margin * (there[0] - floor)
    result, held_back = _judge(values, missing, there, floor, allowed, confidence)
    row = {
        "task": task,
        "implementation": implementation,
        "variant": variant,
        "run_id": run_id,
        "reference": reference.name,
        "citation": reference.citation,
        "caveat": reference.caveat,
        "env_step": at,
        "ours": {
            "mean": float(values.mean()) if len(values) else None,
            "sd": float(values.std(ddof=1)) if len(values) >= 2 else None,
            "n": len(values),
            "n_finished": len(values) - failed,
            "n_failed": failed,
            "n_missing": missing,
            "n_planned": len(runs),
        },
        "published": dict(zip(("mean", "sd", "n"), there, strict=True)),
        "random_policy": floor,
        **result,
        "margin": allowed,
        "confidence": confidence,
        "advisory": bool(differs),
        "differs": list(differs),
    }
    return row | {"sentence": _sentence(row, differs, held_back)}


def _judge(values, missing, there, floor, allowed, confidence) -> tuple[dict, bool]:
    """The verdict's fields, and whether a PASS was held back because the missing runs might have failed."""
    difference = float(values.mean()) - there[0] if len(values) else None
    if len(values) < 2:
        nothing = dict.fromkeys(("low", "high", "p", "df", "n_needed"))
        return {"verdict": INCONCLUSIVE, "difference": difference, **nothing}, False
    result = non_inferiority_from_summary(summary(values), there, allowed, confidence)._asdict()
    if missing and result["verdict"] == PASS:
        worst = summary([*values, *[floor] * missing])
        if non_inferiority_from_summary(worst, there, allowed, confidence).verdict != PASS:
            return result | {"verdict": INCONCLUSIVE, "n_needed": len(values) + missing}, True
    return result, False


def _one_per_seed(planned: pd.DataFrame) -> list:
    """One planned run per seed: a finished one if there is one, else a failed one, and of several the longest."""
    rank = np.select(
        [planned["stale"].astype(bool), planned["status"] == "finished", planned["status"].isin(FAILED)], [2, 0, 1], 2
    )
    ordered = planned.assign(rank=rank).sort_values(["seed", "rank", "env_steps"], ascending=[True, True, False])
    return list(ordered.drop_duplicates("seed").itertuples())


def _value(run, curve: pd.Series | None, at: int, floor: float) -> float:
    """The run's trailing window mean at step `at`; NaN where it has no result."""
    curve = pd.Series(dtype=float) if curve is None else curve
    if run.stale or run.status not in ("finished", *FAILED):
        return math.nan
    if run.status in FAILED:
        grid = np.arange(run.evaluate_every, at + 1, run.evaluate_every)
        stopped_at = next((step for step in (run.stopped_at, run.last_env_step) if pd.notna(step)), 0)
        values = curve_at_floor(curve.reindex(grid), grid, stopped_at, floor)
        curve = pd.Series(np.where(np.isfinite(values), values, floor), grid)
    return trailing_mean(curve.index, curve.to_numpy(), at, run.evaluate_every)[0]


def _sentence(row: dict, differs: Mapping, held_back: bool) -> str:
    ours, there, level = row["ours"], row["published"], f"{row['confidence']:.0%}"
    runs = f"{ours['n_finished']} of {ours['n_planned']} planned runs finished"
    if ours["n_failed"]:
        runs += f", {ours['n_failed']} failed (counted as random, {_number(row['random_policy'])}, from then)"
    if ours["n_missing"]:
        runs += f", {ours['n_missing']} without a result"
    head = f"{row['task']}, {row['implementation']} {row['variant']}, {row['env_step']:,} steps ({runs}): "
    if ours["n"] < 2:
        body = f"{ours['n']} run with a result gives no spread to compare with {row['reference']}: {INCONCLUSIVE}."
    else:
        allowed, needed = _number(row["margin"]), row["n_needed"]
        more = (
            "a PASS would not hold if the runs without a result had failed"
            if held_back
            else f"about {needed:,} own seeds with this mean and spread would"
            if needed
            else "no number of own seeds would, the published spread being what it is"
        )
        end = {
            PASS: f"less than the tolerated {allowed} is lost",
            FAIL: f"more than the tolerated {allowed} is lost",
            INCONCLUSIVE: f"this does not decide whether more than the tolerated {allowed} is lost ({more})",
            SUSPICIOUSLY_BETTER: f"better by more than {allowed}: look for a difference in environment or evaluation",
        }[row["verdict"]]
        body = (
            f"mean {_number(ours['mean'])} (SD {_number(ours['sd'])}, n {ours['n']}) against "
            f"{_number(there['mean'])} (SD {_number(there['sd'])}, n {there['n']}) of {row['reference']}, "
            f"difference {_number(row['difference'])} with {level} interval {_number(row['low'])} to "
            f"{_number(row['high'])}; {end}: {row['verdict']}."
        )
    if differs:
        listed = "; ".join(f"{path} is {here} here, {there} there" for path, (here, there) in differs.items())
        body += f" Advisory only: {listed}."
    return head + body


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def render(rows: Sequence[dict]) -> str:
    """The rows as a table for a terminal, with a sentence for each that did not PASS and a count of the verdicts."""
    if not rows:
        return "No cell of this study has a published counterpart in suite/references."
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for title in ("cell", "step", "ours", "published", "difference", "tolerated loss", "seeds needed", "verdict"):
        table.add_column(title, justify="left" if title in ("cell", "published", "verdict") else "right")
    for row in rows:
        ours, there = row["ours"], row["published"]
        interval = f"\n[{_number(row['low'])}, {_number(row['high'])}]" if row["low"] is not None else ""
        table.add_row(
            f"{row['task']}\n{row['implementation']} {row['variant']}",
            f"{row['env_step']:,}",
            f"{_number(ours['mean'])} ± {_number(ours['sd'])}\n{ours['n_finished']}/{ours['n_planned']} finished",
            f"{_number(there['mean'])} ± {_number(there['sd'])} (n {there['n']})\n{row['reference']}",
            f"{_number(row['difference'])}{interval}".replace("[", r"\["),
            _number(row["margin"]),
            _number(row["n_needed"]),
            row["verdict"] + ("\nadvisory" if row["advisory"] else ""),
        )
    text = io.StringIO()
    Console(file=text, width=150).print(table)
    told = [row["sentence"] for row in rows if row["verdict"] != PASS and not row["advisory"]]
    counts = {
        verdict: sum(row["verdict"] == verdict and not row["advisory"] for row in rows)
        for verdict in (PASS, INCONCLUSIVE, SUSPICIOUSLY_BETTER, FAIL)
    }
    total = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    advisory = sum(row["advisory"] for row in rows)
    return "\n".join([text.getvalue().rstrip(), "", *told, f"{total or 'no verdict'}; {advisory} advisory"])

"""The statistics step: from the tidy tables of a study to results.json, from which figures and report are drawn.

A cell is one task, implementation and variant: the seeds that share all but the seed. Every cell counts its planned
runs; a run that diverged or crashed scores the floor, one without a result or made by other code is listed and not
averaged. What cells say against each other is suite.inference's. results.json holds no wall time, and every number that
needs draws has its own stream: the same rows give the same bytes, whatever the number of workers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from suite.analysis import over_tasks
from suite.analysis.declared import Declared
from suite.analysis.one_cell import cell_diagnostics, described_cell, public_run
from suite.analysis.results_file import plain, read
from suite.analysis.runs import SCORED_SHARE, end_of_run, one_run, planned_runs, run_curves
from suite.analysis.workers import crew
from suite.files import atomic
from suite.published.anchors import Scale
from suite.sac.status import STATUSES
from suite.statistics import bootstrap
from suite.study.cells import CELL, key_of

PACKAGES = ("numpy", "scipy", "statsmodels", "pandas")


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
    planned = planned_runs(manifest, runs)
    values = run_curves(evaluations)
    first = {key: curve["values"][0] for key, curve in values.items() if curve["values"]}
    ends = end_of_run(diagnostics, planned)
    labels = manifest.groupby(CELL, sort=False)["label"].unique()
    identities, jobs, ledger = [], [], []
    for key, rows in planned.groupby(CELL, sort=False):
        seeds = [one_run(row, values, first, random_policy) for row in rows.sort_values("seed").to_dict("records")]
        identity = {
            **dict(zip(CELL, key, strict=True)),
            "variant": rows["variant"].iloc[0],
            "labels": list(labels[key]),
            "env_steps": int(rows["env_steps"].iloc[0]),
        }
        identities.append(identity | {"diagnostics": cell_diagnostics(ends.get(key), seeds)})
        protocol = {name: rows[name].dropna().iloc[:1].tolist() for name in ("evaluate_every", "evaluation_episodes")}
        jobs.append(partial(described_cell, key, seeds, identity["env_steps"], protocol, declared))
        ledger += [{**identity, **public_run(run)} for run in seeds if run["sentence"]]
    with crew(workers) as run:
        described = run(jobs)
        cells = [identity | told["cell"] for identity, told in zip(identities, described, strict=True)]
        curves_of = {
            key_of(cell): told["aligned"]
            for cell, told in zip(cells, described, strict=True)
            if told["aligned"] is not None
        }
        compared = over_tasks.infer(
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

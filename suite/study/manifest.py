"""The manifest: which runs a study plans and what it declares, on record before it trains.

Writes to the study's folder: manifest.parquet (a row per planned run and label, to which everything is joined) and
declaration.json (margins and families, their SHA-256, and how many runs had a record when they were declared).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd

from suite.errors import UsageError
from suite.files import atomic
from suite.sac import identity
from suite.specimens.naming import display_name
from suite.study.cells import Label
from suite.study.plan import Plan

ASKED = ["task", "implementation", "run_id", "seed", "env_steps", "preset", "ablation", "arm", "baseline"]
"""What makes a plan another one: its runs, and the questions they are to answer."""


def write(plan: Plan) -> pd.DataFrame:
    """The manifest; writes it and the declaration where they are not on record as they are now.

    A declaration or a plan that has changed since joins the history: what was declared first is never overwritten.
    """
    planned = table(plan)
    _write(plan.study_dir / "manifest.parquet", planned.to_parquet(index=False))
    declared = declaration(plan, planned)
    _write(plan.study_dir / "declaration.json", (json.dumps(declared, indent=1) + "\n").encode())
    return planned


def table(plan: Plan) -> pd.DataFrame:
    """A row for every planned run under every label that asks for it."""
    rows = []
    for label, cell, seeds in plan.labels.values():
        row = {
            "task": cell.task,
            "implementation": cell.implementation,
            "preset": label.preset,
            "ablation": label.ablation,
            "arm": label.arm,
            "levels": json.dumps(dict(label.levels)),
            "baseline": label.baseline,
            "label": shown(label),
            "run_id": cell.run_id,
            "seed": 0,
            "env_steps": cell.env_steps,
            "evaluate_every": cell.evaluate_every,
            "evaluation_episodes": cell.evaluation_episodes,
        }
        rows += [row | {"seed": seed, "path": plan.record(cell, seed)} for seed in seeds]
    return pd.DataFrame(rows)


def shown(label: Label) -> str:
    """A label as reports print it: only a preset that conforms bears the bare name of its code base."""
    return str(label) if label.ablation else display_name(label.preset)


def declaration(plan: Plan, planned: pd.DataFrame) -> dict:
    """What declaration.json is to hold: the present declaration, its SHA-256, and the history of both.

    An entry of the history tells of a declaration and a set of planned runs under their labels: how many runs, and how
    many of them had a record already. A report may say "declared before the first run" only of an entry with none.
    """
    path = plan.study_dir / "declaration.json"
    try:
        history = [dict(entry) for entry in json.loads(path.read_text())["history"]] if path.exists() else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} cannot be read ({type(error).__name__}), and it alone knows what was declared before the runs; "
            "restore it, or remove it to declare anew"
        ) from None
    asked = sorted(map(list, planned[ASKED].itertuples(index=False, name=None)))
    plan_sha256 = hashlib.sha256(identity.canonical(asked).encode()).hexdigest()
    present = {"sha256": plan.declaration_id, "plan_sha256": plan_sha256}
    if not history or present.items() - history[-1].items():
        have = sum(Path(record).exists() for record in plan.runs)
        history = [*history, present | {"planned": len(plan.runs), "records_before": have}]
    return {"declaration": plan.declaration, "sha256": plan.declaration_id, "history": history}


def _write(path: Path, data: bytes) -> None:
    """The file holds these bytes; one that does already is left alone."""
    if not path.exists() or path.read_bytes() != data:
        with atomic(path) as temporary:
            temporary.write_bytes(data)

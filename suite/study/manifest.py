"""The manifest: which runs a study plans and what it declares, on record before it trains.

Writes to the study's folder: manifest.parquet (a row per planned run and label, to which everything is joined) and
declaration.json (what is declared, its SHA-256, and its history: every change, when, and how many records there were).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from suite.errors import UsageError
from suite.files import atomic
from suite.specimens.naming import claimed, display_name
from suite.study import declaration
from suite.study.cells import Label
from suite.study.plan import Plan


def write(plan: Plan, declare: bool = True) -> pd.DataFrame:
    """The manifest; writes it and the declaration where they are not on record as they are now.

    A declaration that has changed since joins the history: what was declared first is never overwritten. declare:
    False: the declaration stays as it is, being of a study that was trained and passed on by others.
    """
    planned, declared = table(plan), on_record(plan) if declare else None  # one that cannot be read: nothing is written
    _write(plan.study_dir / "manifest.parquet", planned.to_parquet(index=False))
    if declared:
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
            "label": shown(label, cell.implementation),
            "run_id": cell.run_id,
            "seed": 0,
            "env_steps": cell.env_steps,
            "evaluate_every": cell.evaluate_every,
            "evaluation_episodes": cell.evaluation_episodes,
        }
        rows += [row | {"seed": seed, "path": plan.record(cell, seed)} for seed in seeds]
    return pd.DataFrame(rows)


def shown(label: Label, implementation: str) -> str:
    """A label as reports print it: only a preset that conforms bears the bare name of its code base, and only in an
    implementation that the suite ships."""
    return str(label) if label.ablation else claimed(display_name(label.preset), implementation)


def history_of(path: Path) -> list[dict]:
    """The history in a declaration.json; UsageError if it cannot be read."""
    try:
        return [dict(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["history"]]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read ({type(error).__name__}); restore it") from None


def on_record(plan: Plan) -> dict:
    """What declaration.json is to hold: the present declaration, its SHA-256, and its history.

    An entry of the history tells what changed, when, how many runs were planned, and how many records there were of
    these and of those planned until then. A report may say "beforehand" only of what no record preceded.
    """
    path = plan.study_dir / "declaration.json"
    present = plan.declaration
    try:
        data = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"declaration": {}, "history": []}
        before, history = data["declaration"], [dict(entry) for entry in data["history"]]
        for entry in history:
            _ = entry["sha256"], int(entry["planned"]), int(entry["records_before"])
            _ = [declaration.Change(**one) for one in entry.get("changes", [])]
        differences = declaration.changes(before, present) if history else []
        known = declaration.records_of(before) | declaration.records_of(present)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read ({type(error).__name__}), and it alone knows what was declared before the runs; "
            "restore it, or remove it to declare anew"
        ) from None
    if not history or history[-1].get("sha256") != plan.declaration_id:
        have = sum(Path(plan.config.results, record).exists() for record in known)
        entry = {"sha256": plan.declaration_id, "when": datetime.now(UTC).isoformat(timespec="seconds")}
        entry |= {"planned": len(plan.runs), "records_before": have}
        history = [*history, entry | {"changes": [one._asdict() for one in differences]}]
    return {"declaration": present, "sha256": plan.declaration_id, "history": history}


def _write(path: Path, data: bytes) -> None:
    """The file holds these bytes; one that does already is left alone."""
    if not path.exists() or path.read_bytes() != data:
        with atomic(path) as temporary:
            temporary.write_bytes(data)

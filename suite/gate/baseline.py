"""Own baselines: a study's window means, frozen, so that what a later release does is held against what this one did.

A baseline is a table (`<name>.csv`: one row per run and step) and beside it what made it (`<name>.json`: settings,
versions, code and floor of every cell). They lie in suite/gate/baselines, or wherever a path says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from suite.analysis.declared import Declared
from suite.errors import UsageError, nearest
from suite.files import atomic
from suite.gate.outcome import FAMILY, failing
from suite.gate.verdict import fillings, standing
from suite.gate.window_means import episode_means as means_of
from suite.gate.window_means import gathered, sample, told
from suite.gate.wording import head, number
from suite.published.anchors import Anchor
from suite.published.references import Reference
from suite.sac import identity, numerics
from suite.statistics import equivalence, multiplicity
from suite.statistics.equivalence import DIFFERENT, EQUIVALENT, INCONCLUSIVE
from suite.statistics.two_samples import loss_p, summary
from suite.study.cells import CELL

FOLDER = Path(__file__).parent / "baselines"


SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the budget: where a run is frozen beside the steps at which something is published."""


COLUMNS = ("task", "implementation", "run_id", "seed", "status", "env_step", "value")


class Baseline(NamedTuple):
    """A frozen study: what its cells were, by (task, implementation, run_id), and the window means of their runs.

    values: cell -> step -> seed -> trailing window mean; a diverged or crashed run counts at the floor since it ended.
    """

    name: str
    cells: dict[tuple[str, str, str], dict]
    values: dict[tuple[str, str, str], dict[int, dict[int, float]]]


# --- to and from files


def save(
    name: str,
    study_dir: str | Path,
    references: Sequence[Reference],
    random_policy: Mapping[str, Anchor],
    *,
    force: bool = False,
) -> Path:
    """Freezes a gathered study under a name (or path); UsageError if the name is taken or nothing has a result."""
    path = _path(name)
    if path.exists() and not force:
        raise UsageError(f"{path} is there already, and a baseline is to stay; give another name, or --force")
    cells, rows = freeze(gathered(study_dir), references, random_policy)
    if not rows:
        raise UsageError(f"no run of {study_dir} has a result, so there is nothing to freeze; train it first")
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = {"study": Path(study_dir).name, "cells": cells}
    for file, content in {path.with_suffix(".json"): json.dumps(data, indent=1) + "\n", path: text.getvalue()}.items():
        with atomic(file) as temporary:
            temporary.write_text(content)
    return path


def load(name: str) -> Baseline:
    """The baseline of that name (or path); UsageError if there is none or its files do not fit each other."""
    path = _path(name)
    if not path.exists():
        names = sorted(file.stem for file in path.parent.glob("*.csv"))
        raise UsageError(f"there is no baseline {path}; did you mean {nearest(path.stem, names)}?")
    try:
        cells = {
            tuple(cell[key] for key in CELL): cell
            for cell in json.loads(path.with_suffix(".json").read_text())["cells"]
        }
        values: dict[tuple, dict[int, dict[int, float]]] = {cell: {} for cell in cells}
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                steps = values[tuple(row[key] for key in CELL)].setdefault(int(row["env_step"]), {})
                steps[int(row["seed"])] = float(row["value"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} and its .json are no baseline ({type(error).__name__}: {error}); save it anew"
        ) from None
    return Baseline(path.stem, cells, values)


def _path(name: str) -> Path:
    if "/" in name or name.endswith(".csv"):
        return Path(name).with_suffix(".csv")
    if not re.fullmatch(r"\w[\w-]*", name):
        raise UsageError(f"a baseline is called by letters, digits, - and _ (or by a path), not {name!r}")
    return FOLDER / f"{name}.csv"


# --- freezing


def freeze(
    tables: Mapping[str, pd.DataFrame], references: Sequence[Reference], random_policy: Mapping[str, Anchor]
) -> tuple[list[dict], list[dict]]:
    """What each cell of a gathered study was, and a row per run with a result and frozen step."""
    means = means_of(tables["evaluations"])
    cells, rows = [], []
    for key, runs in tables["runs"].groupby(CELL, sort=True):
        if key[0] not in random_policy:
            raise UsageError(f"random_policy.csv: task {key[0]} is missing; python -m suite.published.measure adds it")
        floor = random_policy[key[0]].mean
        own = list(_frozen(key, runs, means, references, floor))
        if own:
            rows += own
            cells.append(_described(key, runs) | {"random_policy": floor})
    return cells, rows


def _frozen(key: tuple, runs: pd.DataFrame, means: Mapping, references, floor: float) -> Iterator[dict]:
    status = {run.seed: run.status for run in runs.itertuples()}
    for at in _steps(key[0], runs, references):
        found = sample(runs, means, at, floor)
        for seed, value in zip(found.seeds, found.values, strict=True):
            values = (*key, seed, status[seed], at, repr(float(value)))
            yield dict(zip(COLUMNS, values, strict=True))


def _steps(task: str, runs: pd.DataFrame, references: Iterable[Reference]) -> list[int]:
    """The evaluations nearest before shares of the budgets, and every step at which something is published."""
    steps = {at for reference in references if task in reference.tasks for at in reference.summaries}
    for every, budget in runs[["evaluate_every", "env_steps"]].drop_duplicates().itertuples(index=False):
        steps |= {max(int(budget * share) // every, 1) * every for share in SHARES}
    return sorted(int(at) for at in steps)


def _described(key: tuple, runs: pd.DataFrame) -> dict:
    known = runs[runs["code_id"] != ""]
    versions: dict[str, set[str]] = {}
    for one in known["versions"].unique():
        for name, version in json.loads(one).items():
            versions.setdefault(name, set()).add(version)
    first = runs.iloc[0]
    settings = {name: json.loads(first[name]) for name in ("spec", "schedule")}
    return {
        **dict(zip(CELL, key, strict=True)),
        "variant": first["variant"],
        "env_steps": sorted({int(steps) for steps in runs["env_steps"]}),
        "evaluation": {"every": int(first["evaluate_every"]), "episodes": int(first["evaluation_episodes"])},
        "code_id": ", ".join(sorted(known["code_id"].unique())),
        **({"numerics": parts} if (parts := _versions_of_parts(known)) else {}),
        "versions": {name: ", ".join(sorted(found)) for name, found in sorted(versions.items())},
        "settings_sha256": hashlib.sha256(identity.canonical(settings).encode()).hexdigest(),
        **settings,
    }


# --- comparing


def compare(
    tables: Mapping[str, pd.DataFrame],
    baseline: Baseline,
    *,
    margin: float,
    confidence: float,
    declared: Declared = Declared(),  # noqa: B008 - immutable
) -> dict:
    """{"rows", "notes"}: a row per cell and frozen step within its budget, and a sentence for every cell without one.

    A cell is compared with the one of the same task, implementation and run_id. EQUIVALENT: every seed that both have
    returns the very same number (then nothing has drifted), or the difference of the means lies within the margin on
    both sides at this confidence; DIFFERENT: beyond it on one. margin: a fraction of the baseline's return above the
    random policy's. With runs missing a verdict must hold as in the regression check.
    """
    means = means_of(tables["evaluations"])
    rows, notes, met = [], [], set()
    for key, runs in tables["runs"].groupby(CELL, sort=True):
        if key not in baseline.cells:
            notes.append(_absent(key, runs, baseline))
            met |= {_elsewhere(key, runs, baseline)}
            continue
        met.add(key)
        cell, present = baseline.cells[key], _described(key, runs)
        changed = _changed(*(_numerics(one) | one["versions"] for one in (cell, present)))
        if changed and present["code_id"]:
            listed = "; ".join(f"{name} was {was} and is {now}" for name, (was, now) in changed.items())
            notes.append(f"{key[0]}, {key[1]} {cell['variant']} is made by other code or versions: {listed}.")
        for at, theirs in baseline.values[key].items():
            ours = sample(runs, means, at, cell["random_policy"])
            if ours.planned:
                rows.append(
                    _row(key, cell, at, ours, theirs, margin, confidence, changed) | {"baseline": baseline.name}
                )
    unmet = [key for key in baseline.cells if key not in met]
    if unmet:
        which = "; ".join(f"{key[0]}, {key[1]} {baseline.cells[key]['variant']}" for key in unmet)
        notes.append(f"Of the baseline {baseline.name} {len(unmet)} cells are not in this study: {which}.")
    _adjust(rows, declared.families[FAMILY], (1 - confidence) / 2)
    return {"rows": [row | {"sentence": _sentence(row)} for row in rows], "notes": notes}


def _numerics(cell: dict) -> dict:
    """What made a cell's numbers: versions of the suite's parts; of code that nobody knows, its digest."""
    if "numerics" in cell:
        return cell["numerics"]
    known = numerics.of_code_id(cell["code_id"])
    return {"code": cell["code_id"]} if known is None else {part: str(one.version) for part, one in known.items()}


def _versions_of_parts(runs: pd.DataFrame) -> dict[str, str]:
    """The versions of the parts that made a cell's runs; of several, all."""
    versions: dict[str, set[str]] = {}
    for one in runs["numerics"].unique() if "numerics" in runs else ():
        for part, version in json.loads(one).items():
            versions.setdefault(part, set()).add(str(version))
    return {part: ", ".join(sorted(found)) for part, found in versions.items()}


def _row(key, cell, at, ours, theirs: dict[int, float], margin, confidence, changed) -> dict:
    there, floor = np.array(list(theirs.values())), cell["random_policy"]
    mine = dict(zip(ours.seeds, ours.values.tolist(), strict=True))
    common = [seed for seed in mine if seed in theirs]
    identical = sum(mine[seed] == theirs[seed] for seed in common)
    allowed = margin * (float(there.mean()) - floor) if there.mean() > floor else None
    judged = _judged(ours, there, floor, allowed, confidence)
    if common and identical == len(common) and not ours.missing:
        judged |= {"verdict": EQUIVALENT, "held_back": None, "n_needed": None}
    return {
        **dict(zip(CELL, key, strict=True)),
        "variant": cell["variant"],
        "env_step": at,
        "ours": told(ours),
        "theirs": {
            "mean": float(there.mean()), "sd": float(there.std(ddof=1)) if len(there) >= 2 else None, "n": len(there)
        },
        "random_policy": floor,
        "seeds_in_both": len(common),
        "identical": identical,
        **judged,
        "margin": allowed,
        "confidence": confidence,
        "changed": changed,
    }  # fmt: skip


def _judged(ours, there: np.ndarray, floor: float, allowed: float | None, confidence: float) -> dict:
    """The fields of the equivalence test; p: small for EQUIVALENT, p_different: small for DIFFERENT (both sides)."""
    difference = float(ours.values.mean() - there.mean()) if len(ours.values) else None
    nothing = dict.fromkeys(("low", "high", "p", "p_different", "df", "n_needed", "held_back"))
    if allowed is None or min(len(ours.values), len(there)) < 2:
        return {"verdict": INCONCLUSIVE, "difference": difference, **nothing}
    pairs = [(summary(filled), summary(there)) for filled in fillings(ours.values, ours.missing, floor)]
    tests = [equivalence.tost_from_summary(a, b, allowed, confidence) for a, b in pairs]
    verdict, held_back = standing([test.verdict for test in tests])
    first = tests[0]._asdict()
    return {
        **{name: first[name] for name in ("difference", "low", "high", "df", "n_needed")},
        "verdict": verdict,
        "held_back": held_back,
        "p": max(test.p for test in tests),
        "p_different": max(min(1.0, 2 * min(loss_p(a, b, allowed), loss_p(b, a, allowed))) for a, b in pairs),
    }


def _adjust(rows: list[dict], method: str, level: float) -> None:
    """Puts beside every row what the gate needs: it fails on DIFFERENT that is so after adjustment for all rows."""
    raw = np.array([np.nan if row["p_different"] is None else row["p_different"] for row in rows], dtype=float)
    for row, p in zip(rows, multiplicity.adjust(raw, method), strict=True):
        row["p_different_adjusted"] = None if np.isnan(p) else float(p)
        row["family_size"] = int(np.isfinite(raw).sum())
        row |= {"gated": True, "fails": bool(row["verdict"] == DIFFERENT and p < level)}


def _elsewhere(key: tuple, runs: pd.DataFrame, baseline: Baseline) -> tuple | None:
    """The baseline's cell of the same task, implementation and variant, under another run_id."""
    variant = runs["variant"].iloc[0]
    return next(
        (other for other, cell in baseline.cells.items() if other[:2] == key[:2] and cell["variant"] == variant), None
    )


def _absent(key: tuple, runs: pd.DataFrame, baseline: Baseline) -> str:
    name = f"{key[0]}, {key[1]} {runs['variant'].iloc[0]}"
    other = _elsewhere(key, runs, baseline)
    if other is None:
        return f"{name} is not in the baseline {baseline.name}."
    there, here = baseline.cells[other], _described(key, runs)
    changed = _changed(
        *(dict(_flat({name: cell[name] for name in ("spec", "schedule", "evaluation")})) for cell in (there, here))
    )
    listed = "; ".join(f"{path} was {was} and is {now}" for path, (was, now) in changed.items()) or "none is known"
    return f"{name} is another run than in the baseline {baseline.name} ({other[2]} became {key[2]}): {listed}."


def _changed(was: Mapping, now: Mapping) -> dict[str, list]:
    """name -> [was, is] of all that differs."""
    names = [*was, *(name for name in now if name not in was)]
    return {name: [was.get(name), now.get(name)] for name in names if was.get(name) != now.get(name)}


def _flat(data: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


# --- in words


def _sentence(row: dict) -> str:
    ours, there, allowed = row["ours"], row["theirs"], number(row["margin"])
    same = f"identical in {row['identical']} of {row['seeds_in_both']} seeds"
    if row["seeds_in_both"] and row["identical"] == row["seeds_in_both"] and row["verdict"] == EQUIVALENT:
        return f"{head(row)}{same}: {EQUIVALENT}."
    body = (
        f"{same}; mean {number(ours['mean'])} (SD {number(ours['sd'])}, n {ours['n']}) against {number(there['mean'])} "
    )
    body += f"(SD {number(there['sd'])}, n {there['n']}) of {row['baseline']}"
    if row["p"] is None:
        why = "there is no margin" if row["margin"] is None else "one run has no spread"
        return f"{head(row)}{body}; {why}: {INCONCLUSIVE}."
    body += (
        f", difference {number(row['difference'])} with {row['confidence']:.0%} interval {number(row['low'])} to "
        f"{number(row['high'])}; "
    )
    if row["verdict"] == INCONCLUSIVE:
        more = (
            f"a verdict of {row['held_back']} could change with the runs without a result"
            if row["held_back"]
            else f"about {row['n_needed']:,} seeds a side would settle it"
            if row["n_needed"]
            else "no number of seeds settles a difference of just the margin"
        )
        body += f"whether it is within {allowed} either way is open ({more})"
    else:
        body += f"{'within' if row['verdict'] == EQUIVALENT else 'beyond'} {allowed} either way"
    end = f" (p {row['p_different_adjusted']:.2g} among {row['family_size']})" if row["verdict"] == DIFFERENT else ""
    return f"{head(row)}{body}: {row['verdict']}{end}."


def render(found: dict) -> str:
    """The rows as a table for a terminal, a sentence for each that is not identical, the notes and a count."""
    rows = found["rows"]
    if not rows:
        return "\n".join(["No cell of this study is in the baseline.", *found["notes"]])
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    left = ("cell", "verdict")
    for title in ("cell", "step", "now", "baseline", "difference", "margin", "identical", "verdict"):
        table.add_column(title, justify="left" if title in left else "right")
    for row in rows:
        ours, there = row["ours"], row["theirs"]
        table.add_row(
            f"{row['task']} {row['implementation']} {row['variant']}",
            f"{row['env_step']:,}",
            f"{number(ours['mean'])} ± {number(ours['sd'])} ({ours['n']})",
            f"{number(there['mean'])} ± {number(there['sd'])} ({there['n']})",
            number(row["difference"]),
            number(row["margin"]),
            f"{row['identical']}/{row['seeds_in_both']}",
            row["verdict"],
        )
    text = io.StringIO()
    Console(file=text, width=150).print(table)
    said = [row["sentence"] for row in rows if row["identical"] < row["seeds_in_both"] or row["verdict"] != EQUIVALENT]
    counts = {
        verdict: sum(row["verdict"] == verdict for row in rows) for verdict in (EQUIVALENT, INCONCLUSIVE, DIFFERENT)
    }
    total = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    whole = sum(0 < row["seeds_in_both"] == row["identical"] for row in rows)
    last = f"{total}; identical in every seed: {whole} of {len(rows)}; {len(failing(rows))} fail the gate"
    return "\n".join([text.getvalue().rstrip(), "", *said, *found["notes"], last])

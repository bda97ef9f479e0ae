"""The report of a study: one self-contained HTML page and its tables as CSV, from results.json and the tidy tables."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pandas as pd

TEMPLATES = Path(__file__).resolve().parent.parent / "reports" / "templates"
CELL = ["task", "implementation", "run_id"]
LARGEST_SVG = 600_000  # bytes; a larger drawing is embedded as PNG


def main(study_dir: Path, out_dir: Path, *, config_text: str, command: str) -> None:
    """Write out_dir/report.html and out_dir/tables/*.csv; out_dir/figures must have been drawn before.

    config_text: the study's config as it was read; command: what makes this report again.
    """
    study_dir, out_dir = Path(study_dir), Path(out_dir)
    results = _read(study_dir / "results.json")
    manifest = pd.read_parquet(study_dir / "manifest.parquet")
    runs = pd.read_parquet(study_dir / "runs.parquet")
    check = _read(study_dir / "check.json", [])
    context = {
        **results,
        "cells_by_key": {_key(cell): cell for cell in results["cells"]},
        "key": _key,
        "check": check,
        "figures": [_embed(entry, out_dir / "figures") for entry in _read(out_dir / "figures" / "index.json")],
        "tasks": list(_tasks(manifest, runs, results)),
        "presets": list(_presets(manifest, runs, _read(study_dir / "sources.json", {}))),
        "changes": _changes(results, runs),
        "machine": _machine(runs),
        "provenance": _provenance(runs).to_dict("records"),
        "config_text": config_text,
        "command": command,
        "columns": [name for name in _diagnostic_names(results)],
    }
    tables = out_dir / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    for name, rows in _tables(results, check, runs):
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
        pd.DataFrame(rows).to_csv(tables / f"{name}.csv", index=False, lineterminator="\n")
    loader = jinja2.FileSystemLoader(TEMPLATES)
    page = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page.filters |= {"number": number, "interval": interval, "p_value": p_value, "anchor": anchor}
    (out_dir / "report.html").write_text(page.get_template("report.html.j2").render(context), encoding="utf-8")


def number(value: float | None) -> str:
    """A number as it is read: thousands separated, four significant digits below 1,000, a dash for none."""
    if value is None or value != value:
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")


def interval(found: dict | None) -> str:
    """An estimate with its interval, or alone where there is none."""
    if found is None:
        return "–"
    estimate = found.get("estimate", found.get("difference", found.get("mean")))
    if found.get("low") is None:
        return number(estimate)
    return f"{number(estimate)} ({number(found['low'])}\u00a0to\u00a0{number(found['high'])})"


def p_value(value: float | None) -> str:
    """A p value with three digits, and never zero."""
    return "–" if value is None else "<\u00a00.001" if value < 0.001 else f"{value:.3f}"


def anchor(name: str) -> str:
    """The name as a fragment of a link."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _read(path: Path, absent: object = None) -> object:
    if not path.exists() and absent is not None:
        return absent
    return json.loads(path.read_text(encoding="utf-8"))


def _key(record: dict, table: dict | None = None) -> tuple:
    return tuple((record if name in record else table)[name] for name in CELL)


def _embed(entry: dict, folder: Path) -> dict:
    """A figure with its picture as a data URI: the SVG, or the PNG where the SVG is large."""
    svg, png = (folder / f"{entry['name']}.{kind}" for kind in ("svg", "png"))
    path, kind = (svg, "svg+xml") if svg.stat().st_size <= LARGEST_SVG else (png, "png")
    return entry | {"source": f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"}


def _tasks(manifest: pd.DataFrame, runs: pd.DataFrame, results: dict) -> Iterator[dict]:
    for task, rows in manifest.groupby("task", sort=False):
        own = runs[runs["task"] == task]
        yield {
            "task": task,
            "implementations": ", ".join(rows["implementation"].unique()),
            "budget": ", ".join(f"{steps:,}" for steps in sorted(rows["env_steps"].unique())),
            "seeds": ", ".join(str(seed) for seed in sorted(rows["seed"].unique())),
            "runs": len(rows.drop_duplicates([*CELL, "seed", "env_steps"])),
            "every": ", ".join(f"{int(steps):,}" for steps in sorted(own["evaluate_every"].dropna().unique())),
            "episodes": ", ".join(str(int(n)) for n in sorted(own["evaluation_episodes"].dropna().unique())),
            "floor": results["settings"]["random_policy"].get(task),
        }


def _presets(manifest: pd.DataFrame, runs: pd.DataFrame, sources: dict) -> Iterator[dict]:
    """Every preset with every field of its spec and schedule, the tasks a value holds for where they differ, and
    where the value comes from."""
    plain = manifest[(manifest["ablation"] == "") | manifest["baseline"]]
    for preset, rows in plain.drop_duplicates([*CELL, "preset"]).groupby("preset", sort=False):
        own = rows[rows["ablation"] == ""] if (rows["ablation"] == "").any() else rows
        known = own[CELL].merge(runs, on=CELL).dropna(subset=["spec", "schedule"]).drop_duplicates(CELL)
        fields = {}
        for run in known.to_dict("records"):
            for part in ("spec", "schedule"):
                for field, value in _flat(json.loads(run[part])):
                    fields.setdefault((part, field), {}).setdefault(value, []).append(run["task"])
        said = sources.get(preset, {})
        cited = said.get("sources", {})
        yield {
            "preset": preset,
            **{name: said.get(name, "") for name in ("state", "reason", "not_reproduced")},
            "fields": [
                {
                    "part": part,
                    "field": field,
                    "value": "; ".join(
                        value if len(values) == 1 else f"{value} ({', '.join(dict.fromkeys(tasks))})"
                        for value, tasks in values.items()
                    ),
                    "citation": cited.get(field, cited.get(field.split(".")[0], "")),
                }
                for (part, field), values in fields.items()
            ],
        }


def _flat(data: dict, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a spec as path and text; a nested choice is named by its kind and its own fields follow."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield prefix + name, str(value.get("kind", ""))
            yield from _flat({key: part for key, part in value.items() if key != "kind"}, f"{prefix}{name}.")
        else:
            yield prefix + name, ", ".join(map(str, value)) if isinstance(value, list) else _word(value)


def _word(value: object) -> str:
    words = {None: "none", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _changes(results: dict, runs: pd.DataFrame) -> dict[str, dict[str, list[str]]]:
    """By ablation and arm, every field in which the arm's spec or schedule differs from the baseline's, in words."""
    known = runs.dropna(subset=["spec", "schedule"]).drop_duplicates(CELL).set_index(CELL)
    flat = {key: dict(_flat(json.loads(row["spec"]) | json.loads(row["schedule"]))) for key, row in known.iterrows()}
    found = {}
    for ablation in results["ablations"]:
        for table in ablation["tables"]:
            base = next((flat.get(_key(arm, table)) for arm in table["arms"] if arm["baseline"]), None)
            for arm in table["arms"]:
                own = flat.get(_key(arm, table))
                said = found.setdefault(ablation["name"], {}).setdefault(arm["arm"], [])
                if base is None or own is None or arm["baseline"] or said:
                    continue
                said += [f"{name}: {own[name]}" + (f" instead of {base[name]}" if name in base else "")
                         for name in own if own[name] != base.get(name)]  # fmt: skip
    return found


def _machine(runs: pd.DataFrame) -> list[tuple[str, str]]:
    """What the runs were made with: every device, code and package version that occurs."""
    packages = {}
    for text in runs["versions"].dropna().unique():
        for name, value in json.loads(text).items():
            packages.setdefault(name, set()).add(str(value))
    rows = [("device", runs["device"]), ("code_id", runs["code_id"])]
    named = [(name, ", ".join(sorted({str(value) for value in column.dropna()} - {""}))) for name, column in rows]
    return named + [(name, ", ".join(sorted(values))) for name, values in sorted(packages.items())]


def _provenance(runs: pd.DataFrame) -> pd.DataFrame:
    """Wall time and speed of every cell, and the code that made it."""
    grouped = runs.groupby([*CELL, "variant"], sort=False)
    return grouped.agg(
        runs=("seed", "size"),
        with_record=("wall_time_s", "count"),
        hours=("wall_time_s", lambda seconds: seconds.sum() / 3600),
        env_steps_per_s=("env_steps_per_s", "median"),
        updates=("updates", "median"),
        device=("device", lambda column: ", ".join(sorted(set(column.dropna())))),
        code_id=("code_id", lambda column: ", ".join(sorted(set(column.dropna())))),
    ).reset_index()


def _diagnostic_names(results: dict) -> list[str]:
    return list(dict.fromkeys(name for cell in results["cells"] for name in cell["diagnostics"]))


def _tables(results: dict, check: list[dict], runs: pd.DataFrame) -> Iterator[tuple[str, list[dict] | pd.DataFrame]]:
    """The tables of the report as flat rows of plain numbers."""
    cells = {_key(cell): cell for cell in results["cells"]}
    yield "cells", [_cell_row(cell) for cell in results["cells"]]
    said = ("seed", "status", "stale", "stopped_at", "score", "sentence")
    seeds = [_identity(cell) | {name: run[name] for name in said} for cell in results["cells"] for run in cell["seeds"]]
    yield "scores", seeds
    yield "ledger", [row for row in seeds if row["sentence"]] or pd.DataFrame(columns=list(seeds[0]))
    for ablation in results["ablations"]:
        yield f"ablation-{ablation['name']}", [
            {"arm": arm["arm"], "levels": json.dumps(arm["levels"]), "baseline": arm["baseline"],
             **_cell_row(cells[_key(arm, table)]),
             **_prefixed("difference", arm["difference"] or {}), "note": arm["note"]}
            for table in ablation["tables"] for arm in table["arms"]
        ]  # fmt: skip
        effects = [
            {"task": table["task"], "implementation": table["implementation"], **effect}
            for table in ablation["tables"]
            for effect in (table["factorial"] or {"effects": []})["effects"]
        ]
        if effects:
            yield f"factorial-{ablation['name']}", effects
    nested = ("ours", "published")
    flat = [
        {name: value for name, value in row.items() if name not in nested}
        | {name: value for part in nested for name, value in _prefixed(part, row[part]).items()}
        for row in check
    ]
    yield "check", flat or pd.DataFrame(columns=["task", "implementation", "variant", "reference", "verdict"])
    yield "provenance", _provenance(runs)


def _identity(record: dict) -> dict:
    return {name: record[name] for name in (*CELL, "variant", "env_steps")}


def _cell_row(cell: dict) -> dict:
    flat = {"kind": "evaluated_with"}
    plain = {flat.get(name, name): value for name, value in cell.items() if not isinstance(value, list | dict)}
    return plain | {
        name: value
        for part in ("mean", "iqm", "complete_case", "bounds", "failure_rate")
        for name, value in _prefixed(part, cell[part] or {}).items()
    }


def _prefixed(prefix: str, values: dict) -> dict:
    return {f"{prefix}_{name}": value for name, value in values.items()}

"""The report of a study: one self-contained HTML page and its tables, from results.json and the tidy tables."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import jinja2
import pandas as pd

from suite.gate.wording import outcome
from suite.published import calibration
from suite.report import tables
from suite.report.tables import CELL
from suite.sac.status import STATUSES
from suite.statistics import power
from suite.wording import interval, number, p_value, score

TEMPLATES = Path(__file__).resolve().parent / "templates"


LARGEST_SVG = 600_000  # bytes; a larger drawing is embedded as PNG


LEVEL = 0.05  # of a family's adjusted p values


METHODS = {"holm": "Holm", "hommel": "Hommel", "bonferroni": "Bonferroni", "bh": "Benjamini and Hochberg",
           "by": "Benjamini and Yekutieli"}  # fmt: skip


SHARES = ("bh", "by")  # these bound the share of false alarms among the alarms, the others the chance of any


SECTIONS = {"curves": "curves", "aggregates": "suite", "profiles": "suite", "improvement": "suite",
            "equivalence": "implementations", "published": "check"}  # fmt: skip
"""Where a figure of the whole study stands, by how its name begins; others stand with the final performance."""


MARKS = {"PASS": "✓ PASS", "FAIL": "✗ FAIL", "INCONCLUSIVE": "? INCONCLUSIVE", "SUSPICIOUSLY_BETTER": "▲ BETTER"}


COLUMNS = 8  # published steps with a column each; of more, those up to each of these stand together


UP_TO = (10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 500_000, 1_000_000, 2_000_000)


def main(study_dir: Path, out_dir: Path, *, config_text: str, command: str) -> None:
    """Write out_dir/report.html and out_dir/tables; out_dir/figures must have been drawn before.

    config_text: the study's config as it was read; command: what makes this report again.
    """
    study_dir, out_dir = Path(study_dir), Path(out_dir)
    results = _read(study_dir / "results.json")
    manifest = pd.read_parquet(study_dir / "manifest.parquet")
    runs = pd.read_parquet(study_dir / "runs.parquet")
    presets = list(_presets(manifest, runs, _read(study_dir / "sources.json", {})))
    figures = [_embed(entry, out_dir / "figures") for entry in _read(out_dir / "figures" / "index.json")]
    context = {
        **results,
        "cells_by_key": {tables.key(cell): cell for cell in results["cells"]},
        "curves_by_key": {tables.key(curve): curve for curve in results["curves"]},
        "key": tables.key,
        "figures": figures,
        "dashboard": dashboard(results["check"], figures),
        "outcome": outcome(results["check"]),
        "marks": MARKS,
        "tasks": list(_tasks(manifest, runs, results)),
        "presets": presets,
        "changes": _changes(results, runs),
        "machine": _machine(runs),
        "provenance": tables.provenance(runs).to_dict("records"),
        "config_text": config_text,
        "command": command,
        "columns": _diagnostic_names(results),
        "declared": declared_in_words(results["declaration"]),
        "departures": _departures(results),
        "score": score,
        "methods": METHODS,
        "shares": SHARES,
        "out_of_reach": lambda differences: out_of_reach(differences, results["families"]),
        "fewest_for_order": power.order_statistics_needed(),
        "calibration": _calibration(),
        "percent": f"{100 * results['settings']['confidence']:g} %",
        "checklist": _checklist(results, runs, presets),
    }
    tables.write(results, runs, out_dir / "tables")
    loader = jinja2.FileSystemLoader(TEMPLATES)
    page = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page.filters |= {"number": number, "interval": interval, "p_value": p_value, "score": score, "anchor": anchor}
    (out_dir / "report.html").write_text(page.get_template("report.html.j2").render(context), encoding="utf-8")


def anchor(name: str) -> str:
    """The name as a fragment of a link."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def dashboard(rows: list[dict], figures: list[dict]) -> dict:
    """The regression check by cell: where its block stands on the page, its figure, and its rows by reference, each in
    the column of its published step, or of the next one that has a column."""
    steps = sorted({row["env_step"] for row in rows})
    ends = {next((end for end in UP_TO if step <= end), steps[-1]) for step in steps}
    columns = steps if len(steps) <= COLUMNS else sorted(ends)
    drawn = {entry["name"]: entry for entry in figures}
    cells = []
    for cell, references in tables.held_against(rows).items():
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", "-".join(cell))
        placed = {reference: [[] for _ in columns] for reference in references}
        for reference, own in references.items():
            for row in own:
                at = bisect_left(columns, row["env_step"])
                said = [_step(row["env_step"])] * (row["env_step"] < columns[at]) + _aside(row)
                placed[reference][at].append(row | {"aside": ", ".join(said)})
        told = dict(zip(("task", "implementation", "variant"), cell, strict=True))
        figure = drawn.get(f"published-{name}")
        cells.append(told | {"id": f"check-{name}", "figure": figure, "references": references, "placed": placed})
    return {"columns": [_step(end) for end in columns], "each": columns == steps, "cells": cells}


def _step(env_step: int) -> str:
    return f"{env_step / 1e6:g}M" if env_step >= 1e6 else f"{env_step / 1e3:g}k"


def _aside(row: dict) -> list[str]:
    """What stands under a verdict in the dashboard."""
    needed, n, said = row["n_needed"], row["ours"]["n"], []
    if row["verdict"] == "INCONCLUSIVE" and n < 2:
        said.append("1 run" if n else "no run")
    elif row["verdict"] == "INCONCLUSIVE" and row["basis"] != "a number":
        said.append("runs lack" if row["held_back"] else f"needs n {needed:,}" if needed else "no n decides")
    if row["gated"] and row["verdict"] == "FAIL":
        said.append("fails the gate" if row["fails"] else "not once adjusted")
    return said + ["adv."] * row["advisory"]


def declared_in_words(declaration: dict | None) -> list[str]:
    """When margins, families and plan were declared, and every change of them since, counted in runs on record."""
    if declaration is None:
        return ["No declaration is on record, so nothing here may be called declared beforehand."]
    first, *changes = declaration["history"]
    said = [f"{'First declared' if changes else 'Declared'} {_when(first)}."]
    for before, after in pairwise([first, *changes]):
        what = [
            f"the declaration ({before['sha256'][:10]} became {after['sha256'][:10]})"
            if before["sha256"] != after["sha256"]
            else "",
            f"the plan ({before['planned']} planned runs became {after['planned']})"
            if before["plan_sha256"] != after["plan_sha256"]
            else "",
        ]
        said.append(f"Changed {_when(after)}: {' and '.join(filter(None, what))}.")
    if changes:
        said.append(f"So what stands here was declared {_when(changes[-1])}.")
    return said


def _when(entry: dict) -> str:
    planned, have = entry["planned"], entry["records_before"]
    known = f"after {have} of its {planned} planned runs had a record" if have else ""
    return known or f"before any of its {planned} planned runs had a record"


def _departures(results: dict) -> list[str]:
    """Where the statistics used something else than what is on record as declared."""
    if results["declaration"] is None:
        return []
    told, settings = results["declaration"]["declaration"], results["settings"]
    used = {
        "equivalence": settings["equivalence"],
        "families": {name: family["method"] for name, family in results["families"].items()},
        "report": {name: settings[name] for name in ("confidence", "resamples", "seed")},
    }
    return [
        f"{part}.{name} was declared as {value}, and {used[part].get(name)} was used"
        for part in used
        for name, value in told.get(part, {}).items()
        if used[part].get(name) != value
    ]


def out_of_reach(differences: Iterable[dict | None], families: dict) -> str:
    """That so few runs cannot reach significance by permutation in their family, where that is so."""
    found = [one for one in differences if one and one["permutation"]["floor"] > LEVEL / one["family_size"]]
    if not found:
        return ""
    size, alone = found[0]["family_size"], families[found[0]["family"]]["method"] in SHARES
    floors = " or ".join(f"{floor:.2g}" for floor in sorted({one["permutation"]["floor"] for one in found}))
    return (
        f"With this n the permutation test cannot reach significance{' on its own' if alone else ''}, whatever the "
        f"returns: its p is at least {floors}, and the least of {size} must be at most {LEVEL:g}/{size} = "
        f"{LEVEL / size:.2g}."
    )


def _calibration() -> dict | None:
    """What was measured of the methods: the whole table, and by quantity the rows most like a study, in order of n."""
    if not calibration.TABLE.exists():
        return None
    table = pd.read_csv(calibration.TABLE).astype(object)
    sizes = table.groupby("quantity", sort=False)["n"].unique().items()
    return {
        "rows": table.where(table.notna(), None).to_dict("records"),
        "of": {name: [calibration.measured(name, int(n)) for n in sorted(own)] for name, own in sizes},
    }


def _checklist(results: dict, runs: pd.DataFrame, presets: list[dict]) -> dict[str, object]:
    """What reviewers ask of an empirical study, and the answer its data give, in words; nothing where they do not."""
    counts, settings, known = results["counts"], results["settings"], runs[runs["wall_time_s"].notna()]
    cells = sorted({cell["n_planned"] for cell in results["cells"]})
    seeds = sorted({run["seed"] for cell in results["cells"] for run in cell["seeds"]})
    families = [f"{name}: {METHODS[family['method']]} for {family['size']}"
                for name, family in results["families"].items() if family["size"]]  # fmt: skip
    cited = [f"{preset['preset']}: {len(preset['fields'])} fields, "
             f"{sum(bool(row['citation']) for row in preset['fields'])} with a source"
             for preset in presets if preset["fields"]]  # fmt: skip
    failed = [f"{counts[status]} {status}" for status in (*STATUSES[1:], "stale") if counts[status]]
    made_with = [f"{name} {value}" for name, value in _machine(runs) if name not in ("device", "code_id")]
    codes = _values(runs["code_id"])
    return {
        "What do error bars show?": (
            f"{100 * settings['confidence']:g} % intervals over seeds, never over episodes: of a mean Student's t, of "
            "an IQM bootknife percentiles, of a difference Welch's, of a curve a simultaneous band; headings say which."
        ),
        "How many runs?": (
            f"{counts['planned']} planned, {counts['finished']} finished; "
            f"{' or '.join(map(str, cells))} seeds in every cell."
        ),
        "Which tests, corrected how?": families and f"{'; '.join(families)}. Raw and adjusted p stand side by side.",
        "Declared beforehand?": results["declaration"] and " ".join(declared_in_words(results["declaration"])),
        "Which code?": codes and f"code_id {codes}; {counts['stale']} runs were made by other code and are left out.",
        "Which versions?": made_with and "; ".join(made_with),
        "Which seeds?": f"{', '.join(map(str, seeds))}; the report's own draws come from seed {settings['seed']}.",
        "Which hyper-parameters, from where?": "; ".join(cited),
        "How much compute?": len(known) and (
            f"{number(known['wall_time_s'].sum() / 3600)} hours of wall time over {len(known)} runs, on "
            f"{_values(known['device'])}: core-hours where every run had a core of its own; runs that shared a process "
            "count its time each."
        ),
        "What of failed runs?": (
            f"{', '.join(failed) or 'There are none'}. Diverged and crashed ones score the floor, the others are in no "
            "average; each is named, and what the averages would be otherwise stands beside."
        ),
    }  # fmt: skip


def _values(column: pd.Series) -> str:
    return ", ".join(sorted({str(value) for value in column.dropna()} - {""}))


def _read(path: Path, absent: object = None) -> object:
    if not path.exists() and absent is not None:
        return absent
    return json.loads(path.read_text(encoding="utf-8"))


def _embed(entry: dict, folder: Path) -> dict:
    """A figure with its picture as a data URI: the SVG, or the PNG where the SVG is large."""
    svg, png = (folder / f"{entry['name']}.{kind}" for kind in ("svg", "png"))
    path, kind = (svg, "svg+xml") if svg.stat().st_size <= LARGEST_SVG else (png, "png")
    section = SECTIONS.get(entry["name"].split("-")[0], "final") if not entry["ablation"] else "ablation"
    source = f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return entry | {"source": source, "section": section}


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
            base = next((flat.get(tables.key(arm, table)) for arm in table["arms"] if arm["baseline"]), None)
            for arm in table["arms"]:
                own = flat.get(tables.key(arm, table))
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
    named = [(name, _values(runs[name])) for name in ("device", "code_id")]
    return named + [(name, ", ".join(sorted(values))) for name, values in sorted(packages.items())]


def _diagnostic_names(results: dict) -> list[str]:
    return list(dict.fromkeys(name for cell in results["cells"] for name in cell["diagnostics"]))

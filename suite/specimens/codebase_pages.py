"""The pages docs/codebases: a code base each, what it is, how it differs, how far it is proved, and its file."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from implementations.codebases import CODEBASES
from suite.lab import records
from suite.sac import identity
from suite.specimens import naming, switches
from suite.wording import number

FILES = identity.ROOT / "implementations" / "codebases"
RECORDED = {"recorded updates": "vectors", "recorded loops": "schedules"}
"""What the original left, in words, and the folder of tests/ that holds it."""

RELEASED = identity.ROOT / "results" / "released"
"""Records that are kept with the suite."""

OF_ALL = "whose_sac"
"""The question whose arms are code bases, each at its own settings."""

QUARTERS = (0.25, 0.5, 0.75, 1.0)
HEADING = """Mean returns of evaluations a quarter of the way, half way, at three quarters and at the end, ± SD (seeds):

| task | environment steps | program | 1/4 | 1/2 | 3/4 | the end |
|---|---|---|---|---|---|---|"""

BESIDE = "sac_v2"
"""The preset that switches are held against."""

UNLIKE, LEFT_OUT = "Unlike others", "Not reproduced"
"""What stands in a file's docstring before what it does its own way, and before what it leaves out."""


def pages() -> dict[str, str]:
    """Every page by its path in docs/."""
    return {"codebases/README.md": index()} | {f"codebases/{name}.md": page(name) for name in CODEBASES}


def index() -> str:
    """The page that leads to the others."""
    rows = [f"| [{name}]({name}.md) | {_what_it_is(name)} | {naming.state(name).name} |" for name in CODEBASES]
    return f"""# The code bases as programs
<!-- made by: {switches.COMMAND} -->

Each is one file (`implementations/codebases/`) that trains by itself and can be an `implementation` of a sweep, as
`codebase_` and its name; there it does what the preset of its name says, and nothing else. A file is equal to its
preset in the engines, to the recorded updates of the original and, step by step, to its recorded loop. States are those
of [presets](../presets.md).

| file | what it is | its preset |
|---|---|---|
""" + "\n".join([*rows, ""])


def page(name: str) -> str:
    """The page of one code base."""
    known, file = naming.state(name), f"../../implementations/codebases/{name}.py"
    left_out, unlike = paragraph(name, LEFT_OUT), paragraph(name, UNLIKE)
    return f"""# {name}
<!-- made by: {switches.COMMAND} -->

{_what_it_is(name)} [The file]({file}) trains by itself,

    python implementations/codebases/{name}.py --task Pendulum-v1 --seed 0

and in a sweep as `implementations: [codebase_{name}]` with `presets: [{name}]`
([the preset](../../implementations/presets/{name}.py)).

## What it does that others do not
{unlike[:1].upper()}{unlike[1:]}

## What is not reproduced
In the file: {left_out or "nothing is left out."}

In the preset: {naming.not_reproduced(name)}

## Conformance
The preset: **{known.name}**, {known.reason}.

The file: equal to the engine at the preset{_recorded(name)}.

## How it learns
{learning(name)}

## Its switches beside {BESIDE}
| switch | {name} | {BESIDE} |
|---|---|---|
{_differences(name)}
"""


def paragraph(name: str, beginning: str) -> str:
    """What a file's docstring says after these words and a colon, to the paragraph's end; empty if it has none."""
    text = ast.get_docstring(ast.parse((FILES / f"{name}.py").read_text())) or ""
    said = text.partition(beginning)[2].partition(": ")[2].split("\n\n")[0].partition(f"{LEFT_OUT}: ")[0]
    return " ".join(said.split())


def _what_it_is(name: str) -> str:
    """The first line of a file's docstring, with its commits as links."""
    text = ast.get_docstring(ast.parse((FILES / f"{name}.py").read_text())) or ""
    link = r"[\1@\2](https://github.com/\1/tree/\2)"
    return re.sub(r"([\w.-]+/[\w.-]+)@([0-9a-f]{7,40})", link, " ".join(text.split("\n\n")[0].split()))


def _recorded(name: str) -> str:
    """What of the original the file is held against, in words."""
    parts = []
    for words, folder in RECORDED.items():
        files = sorted(Path(identity.ROOT / "tests" / folder).glob("*.npz"))
        cases = [file.stem for file in files if file.stem.split("-")[0].removesuffix("_common") == name]
        parts += [f", to the {words} {', '.join(cases)}"] if cases else []
    return "".join(parts)


def learning(name: str, folder: Path = RELEASED) -> str:
    """What released runs of a code base return over training, by task and program; or that there are none."""
    groups: dict[tuple[str, int, str], list[Sequence[float]]] = {}
    for record, means in _evaluations(folder):
        if record.status == "finished" and _is_of(record.origin, name):
            key = record.task, record.env_steps, _program(name, record.implementation)
            groups.setdefault(key, []).append(means)
    rows = [
        f"| {task} | {steps:,} | {program} | {_curve(groups[task, steps, program])} |"
        for task, steps, program in sorted(groups)
    ]
    if not rows:
        return "No run of it is released with the suite yet."
    return f"{HEADING}\n" + "\n".join(rows)


def _is_of(origin: records.Origin, name: str) -> bool:
    """Whether a run has a code base's settings: as a preset, or as an arm of the question that asks of them all."""
    if origin.ablation:
        return (origin.ablation, origin.arm) == (OF_ALL, name)
    return origin.preset == name


@functools.cache
def _evaluations(folder: Path) -> Sequence[tuple[records.RunRecord, Sequence[float]]]:
    """Every released record with the mean returns of its evaluations at QUARTERS."""
    read = [records.read(path) for path in sorted(folder.glob("*/runs/*/*/*/*.parquet"))]
    return [(one.meta, _at_quarters(one)) for one in read]


def _at_quarters(one: records.Record) -> Sequence[float]:
    """The mean return of the last evaluation by each of QUARTERS; nan where there is none yet."""
    kind = "sample" if one.meta.schedule.evaluation_action == "sample" else "mean"
    rows = one.rows.filter(pc.equal(one.rows["kind"], kind))
    steps, returns = rows["env_step"].to_numpy(), rows["return"].to_numpy()
    means = []
    for share in QUARTERS:
        there = steps[steps <= share * one.meta.last_env_step]
        means.append(float(np.mean(returns[steps == there.max()])) if len(there) else np.nan)
    return means


def _program(name: str, implementation: str) -> str:
    if implementation == f"codebase_{name}":
        return "the file"
    return "its package" if implementation == name else f"the preset in `{implementation}`"


def _curve(runs: Sequence[Sequence[float]]) -> str:
    """The mean over runs at each of QUARTERS, at the end with its spread and how many there are."""
    *on_the_way, end = np.mean(runs, axis=0)
    spread = f" ± {number(float(np.std([run[-1] for run in runs], ddof=1)))}" if len(runs) > 1 else ""
    return " | ".join([*(number(mean) for mean in on_the_way), f"{number(end)}{spread} ({len(runs)})"])


def _differences(name: str) -> str:
    rows = []
    for fields in switches.GROUPS.values():
        for field in fields:
            own, other = switches.entry(name, field), switches.entry(BESIDE, field)
            if (own.value, own.per_task) != (other.value, other.per_task):
                rows.append(f"| [{field}](../switches.md#{field}): {fields[field]} | {_cell(own)} | {_cell(other)} |")
    return "\n".join(rows)


def _cell(one: switches.Entry) -> str:
    """A value with links to where it is read, and the values on some tasks."""
    places = " ".join(f"[{n}]({address})" for n, address in enumerate(switches.links(one.source), start=1))
    return f"{switches.shown(one.value)}{switches.on_tasks(one)} {places}".rstrip()

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

FILES = identity.ROOT / "implementations" / "codebases"
RECORDED = {"recorded updates": "vectors", "recorded loops": "schedules"}
"""What the original left, in words, and the folder of tests/ that holds it."""

RELEASED = identity.ROOT / "results" / "released"
"""Records that are kept with the suite."""

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
    """What the last evaluations of released runs of a code base return, by task and program; or that there is none."""
    groups: dict[tuple[str, int, str], list[float]] = {}
    for record, mean in _last_evaluations(folder):
        of_preset = record.origin.preset == name and not record.origin.ablation
        if of_preset and record.status == "finished":
            key = record.task, record.env_steps, _program(name, record.implementation)
            groups.setdefault(key, []).append(mean)
    rows = [
        f"| {task} | {steps:,} | {program} | {_spread(groups[task, steps, program])} |"
        for task, steps, program in sorted(groups)
    ]
    if not rows:
        return "No run of it is released with the suite yet."
    heading = "| task | environment steps | program | last evaluation, mean ± SD over seeds |\n|---|---|---|---|\n"
    return heading + "\n".join(rows)


@functools.cache
def _last_evaluations(folder: Path) -> Sequence[tuple[records.RunRecord, float]]:
    """Every released record with the mean return of its last evaluation."""
    read = [records.read(path) for path in sorted(folder.glob("*/runs/*/*/*/*.parquet"))]
    return [(one.meta, _last(one)) for one in read]


def _last(one: records.Record) -> float:
    kind = "sample" if one.meta.schedule.evaluation_action == "sample" else "mean"
    of_last = pc.and_(pc.equal(one.rows["env_step"], one.meta.last_env_step), pc.equal(one.rows["kind"], kind))
    return float(np.mean(one.rows.filter(of_last)["return"]))


def _program(name: str, implementation: str) -> str:
    if implementation == f"codebase_{name}":
        return "the file"
    return "its package" if implementation == name else f"the preset in `{implementation}`"


def _spread(values: Sequence[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):,.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):,.1f}{spread} ({len(values)})"


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

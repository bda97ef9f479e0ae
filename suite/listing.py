"""Reading copies: each engine as one preset runs it, without a branch that is not that code base's own.

`python -m suite listing` makes implementations/listings from the engines and the presets; the copies are committed, and
a test makes them again and runs them beside the engines.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import implementations
from suite import UsageError, folding, nearest, plan
from suite.identity import ROOT
from suite.spec import SacSpec

FOLDER = ROOT / "implementations" / "listings"


def presets() -> list[str]:
    """The presets that have reading copies: all but the small ones, and what presets share."""
    return [name for name in plan.preset_names() if not name.endswith(("_small", "_common"))]


def frameworks() -> list[str]:
    """The engines that copies are made of."""
    return list(implementations.REGISTRY)


def path(preset: str, framework: str) -> Path:
    """Where a reading copy lies."""
    return FOLDER / f"{preset}_{framework}.py"


def engine(framework: str) -> Path:
    """The file that a framework's copies are made from."""
    return ROOT / (implementations.REGISTRY[framework].target.replace(".", "/") + ".py")


def texts(names: Iterable[str]) -> dict[Path, str]:
    """The reading copies of the named presets in every framework, by the path of each."""
    found = {}
    for framework in frameworks():
        file = engine(framework)
        source = file.read_text()
        for name in names:
            module = plan.load_preset(name)
            origin = f"{file.relative_to(ROOT)} and the preset {name}"
            generated = f"Generated from {origin} by `python -m suite listing`: do not edit."
            doc = f'"""{textwrap.fill(generated, 116)}\n\n{module.__doc__.strip()}\n"""'
            found[path(name, framework)] = f"{doc}\n\n{table(module)}\n{code(source, module.SPEC)}"
    return dict(zip(found, formatted(list(found.values())), strict=True))


def code(source: str, spec: SacSpec) -> str:
    """An engine's source folded for a spec, from its imports on."""
    return folding.fold(source, spec).split('"""\n', 1)[1]


def table(preset: Any) -> str:
    """A comment that names every switch the copy was made with, and its source."""
    lines = ["# What the preset decides, and where it stands."]
    for line in inspect.getsource(SacSpec).splitlines():
        if heading := re.fullmatch(r"    # (\w+)", line):
            lines += ["#", f"# {heading[1]}"]
        field = re.match(r"    (\w+): ", line)
        if not field or field[1] in folding.KEPT or not hasattr(preset.SPEC, field[1]):
            continue
        several = any(field[1] in changes for changes in preset.PER_TASK.values())
        value = f"{field[1]} = {getattr(preset.SPEC, field[1])!r}{' (another on some tasks)' if several else ''}"
        for indent, said in ((3, value), (7, preset.SOURCES[field[1]])):
            lead = "#" + " " * indent
            wrap = {"break_long_words": False, "break_on_hyphens": False}
            lines += textwrap.wrap(said, 118, initial_indent=lead, subsequent_indent=lead + "  ", **wrap)
    return "\n".join(lines) + "\n"


def formatted(sources: Sequence[str]) -> list[str]:
    """The sources without unused imports and variables, as the project formats its code."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"copy{i}.py") for i in range(len(sources))]
        for file, source in zip(files, sources, strict=True):
            file.write_text(source)
        clean = ["check", "--select", "F401,F841,I001,B007", "--fix-only", "--unsafe-fixes", "--quiet"]
        for command in (clean, ["format", "--quiet"]):
            ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(ROOT / "pyproject.toml")]
            subprocess.run([*ruff, folder], check=True)
        return [file.read_text() for file in files]


def main(names: Sequence[str] = (), check: bool = False) -> list[Path]:
    """Writes the copies of the named presets (all, and no others, without a name) and returns their paths.

    check: writes nothing, and returns the files that are not what would be written.
    """
    if unknown := [name for name in names if name not in presets()]:
        raise UsageError(f"there is no reading copy of {unknown[0]!r}; did you mean {nearest(unknown[0], presets())}?")
    made = texts(list(names) or presets())
    old = [] if names else sorted(set(FOLDER.glob("*.py")) - {*made, FOLDER / "__init__.py"})
    if check:
        return [file for file, copy in made.items() if not file.exists() or file.read_text() != copy] + old
    for file, copy in made.items():
        file.write_text(copy)
    for file in old:
        file.unlink()
    return list(made)

"""Commands that start something of one's own: an ablation, an implementation, a task."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click

from suite.cli.app import main
from suite.errors import UsageError
from suite.sac.source import ROOT

NAME = re.compile("[a-z][a-z0-9_]*")

ABLATION = '''"""What is asked here, in a line?"""

from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "{name}",
    {{"as_is": {{}}, "faster": {{"tau": 0.05}}, "other_start": {{"temperature.init": 0.1}}}},
    question="Does it matter?",
    baseline="sac_v2",
    outcomes=("final_return",),
    expected="what you expect, before you look",
    literature=("where it is claimed: arXiv 1812.05905, table 1",),
    directions={{"faster": "worse"}},
    tasks=("Pendulum-v1",),
    margin=0.1,
)
'''

PYPROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "0.1"
dependencies = ["numpy"]

[project.entry-points."sac_suite.implementations"]
{name} = "{name}"

[tool.setuptools]
py-modules = ["{name}"]
"""


@main.command("new-ablation")
@click.argument("name")
def new_ablation(name: str) -> None:
    """Start an ablation: ablations/NAME.py in the working directory, which a config can name at once."""
    from suite.specimens.catalogue import ablation_names

    check_name(name)
    if name in ablation_names():
        raise UsageError(f"there is an ablation {name} already; choose another name")
    write_new({Path("ablations", f"{name}.py"): ABLATION.format(name=name)})
    click.echo(f"next: put 'ablations: [{name}]' into a config; python -m suite ablations {name}")


@main.command("new-implementation")
@click.argument("name")
def new_implementation(name: str) -> None:
    """Start an implementation: a package in the folder NAME, a whole engine in NumPy for yours to take its place."""
    import implementations
    from suite.specimens import numpy_engine

    check_name(name)
    if name in implementations.registered():
        raise UsageError(f"there is an implementation {name} already; choose another name")
    engine = Path(str(numpy_engine.__file__)).read_text()
    write_new({Path(name, "pyproject.toml"): PYPROJECT.format(name=name), Path(name, f"{name}.py"): engine})
    click.echo(f"next: pip install -e {name}; python -m suite contract {name}")


@main.command("new-task")
@click.argument("name")
def new_task(name: str) -> None:
    """Add Gymnasium's environment NAME to the table of tasks, once it is seen to continue bit for bit when restored."""
    import implementations
    from suite.lab import tasks

    if implementations.CHECKOUT is None:
        raise UsageError("a task is a line of suite/lab/tasks.py in a checkout; this suite is installed without one")
    if name in tasks.TASKS:
        raise UsageError(f"there is a task {name} already")
    measured = tasks.measured(name)
    path = ROOT / "suite/lab/tasks.py"
    line = f'    "{name}": Task({measured.obs_dim}, {measured.action_dim}, {measured.time_limit}),\n'
    text = path.read_text()
    end = text.index("}\n", text.index("TASKS = {"))
    path.write_text(text[:end] + line + text[end:])
    click.echo(f"added to {path.relative_to(ROOT)}:{line.rstrip()}")


def write_new(files: dict[Path, str], check: Callable[[], object] = lambda: None) -> None:
    """New files of these texts; UsageError, and none of them, where there is one already, or where `check`, which may
    read them, refuses."""
    if there := next((path for path in files if path.exists()), None):
        raise UsageError(f"{there} is there already; remove it or choose another name")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    try:
        check()
    except UsageError:
        for path in files:
            path.unlink()
        raise
    for path in files:
        click.echo(f"wrote {path}")


def check_name(name: str) -> None:
    """UsageError for what no module can be called."""
    if not NAME.fullmatch(name) or len(name) > 60:
        raise UsageError(f"{name!r} cannot be a module's name here: small letters, digits and _, a letter first")

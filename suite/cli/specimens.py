"""Commands about presets, engines and runs: show, difference, conformance, contract, docs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from suite.cli.app import json_option, main
from suite.errors import UsageError, nearest


@main.command()
@click.argument("run")
@click.option("--results", default="results", show_default=True, help="Where results lie.")
def show(run: str, results: str) -> None:
    """A run's provenance and its difference from its preset. RUN: a record's path, or a run id (or its start)."""
    from suite.cli import provenance

    click.echo(provenance.show(run, Path(results)))


@main.command()
@click.argument("a")
@click.argument("b")
@click.option("--task", default="HalfCheetah-v5", show_default=True, help="The task whose values are compared.")
def difference(a: str, b: str, task: str) -> None:
    """Every switch in which two presets differ, with both citations."""
    from suite.cli import provenance

    click.echo(provenance.preset_difference(a, b, task))


@main.command()
@click.option("--implementation", default="all", show_default=True, help="An engine's name, or all of them.")
@click.option("--record", is_flag=True, help="Write down which presets conform: for docs/presets.md and reports.")
@json_option
@click.argument("paths", nargs=-1)
def conformance(implementation: str, record: bool, as_json: bool, paths: tuple[str, ...]) -> None:
    """Run original code bases' recorded updates through our engines. PATHS: .npz files or folders (tests/vectors).

    Exit code 1 if a deviation in float64 exceeds its tolerance.
    """
    import implementations
    from suite.specimens import conformance as vectors
    from suite.specimens import switches

    engines = list(implementations.REGISTRY)
    if implementation not in ("all", *engines):
        close = nearest(implementation, ("all", *engines))
        raise UsageError(f"--implementation is {implementation!r}; did you mean {close}?")
    if record and (paths or implementation != "all"):
        raise UsageError(
            "--record writes what tests/vectors give in every engine; leave out PATHS and --implementation"
        )
    names = engines if implementation == "all" else [implementation]
    verdicts = list(vectors.run([Path(path) for path in paths or ("tests/vectors",)], names))
    if as_json:
        rows = [one._asdict() | {"passed": one.passed} for one in verdicts]
        for row in rows:
            row["deviations"] = {kind: each._asdict() for kind, each in row["deviations"].items()}
        click.echo(json.dumps(rows, indent=1))
    else:
        click.echo(vectors.render(verdicts))
    if record:
        vectors.record(verdicts)
        switches.main(check=False)
    if any(not one.passed for one in verdicts if one.precision == "float64"):
        sys.exit(1)


@main.command()
@click.argument("name")
def contract(name: str) -> None:
    """Hold the implementation registered as NAME against the equations, on a few settings at a small size.

    Exit code 1 if a check fails. docs/extending.md has a worked example of an implementation and how it is registered.
    """
    import implementations
    from suite.specimens import contract_checks
    from suite.specimens.catalogue import import_implementation

    known = {key: entry for key, entry in implementations.registered().items() if not entry.trainer}
    if name not in known:
        raise UsageError(f"there is no implementation {name!r}; did you mean {nearest(name, known)}?")
    outcomes = contract_checks.run(import_implementation(name))
    click.echo(contract_checks.render(name, outcomes))
    if any(one.problem for one in outcomes):
        sys.exit(1)


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a page is not what would be written.")
def docs(check: bool) -> None:
    """Write the generated pages: docs/cli.md of the commands, docs/switches.md and docs/presets.md of the presets,
    docs/codebases of the code bases as programs."""
    import implementations
    from suite.cli import pages
    from suite.specimens import codebase_pages, switches

    if implementations.CHECKOUT is None:
        raise UsageError("the pages are written in a checkout; this suite is installed without one")
    outdated = [*pages.write(check), *switches.main(check), *switches.write(codebase_pages.pages(), check)]
    for page in outdated:
        click.echo(page)
    if check and outdated:
        sys.exit(1)

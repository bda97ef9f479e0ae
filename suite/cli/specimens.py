"""Commands about presets, engines and runs: show, difference, conformance, contract, docs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from suite.cli.app import as_json_text, json_option, main
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
@click.option("--schedule", is_flag=True, help="Play recorded training loops instead; PATHS are tests/schedules then.")
@click.option("--record", is_flag=True, help="Do both, and write down which presets conform: for pages and reports.")
@json_option
@click.argument("paths", nargs=-1)
def conformance(implementation: str, schedule: bool, record: bool, as_json: bool, paths: tuple[str, ...]) -> None:
    """Run original code bases' recorded updates through our engines. PATHS: .npz files or folders (tests/vectors).

    Exit code 1 if a deviation in float64 exceeds its tolerance, a loop does otherwise, or a file among others is not of
    the format.
    """
    import implementations
    from suite.specimens import conformance as updates
    from suite.specimens import loops, switches

    engines = list(implementations.REGISTRY)
    if implementation not in ("all", *engines):
        close = nearest(implementation, ("all", *engines))
        raise UsageError(f"--implementation is {implementation!r}; did you mean {close}?")
    if record and (paths or schedule or implementation != "all"):
        raise UsageError("--record is about all recordings in every engine; leave out PATHS and options")
    places = [Path(path) for path in paths]
    names = engines if implementation == "all" else [implementation]
    passed, of_updates, of_loops = True, [], []
    if record or not schedule:
        of_updates = list(updates.run(places or [VECTORS], names))
        passed = _tell(of_updates, updates.render, as_json)
    if record or schedule:
        of_loops = loops.run(places or [SCHEDULES])
        passed = _tell(of_loops, loops.render, as_json) and passed
    if record:
        loops.record(of_updates, of_loops)
        switches.main(check=False)
    sys.exit(0 if passed else 1)


@main.command()
def mutations() -> None:
    """Change each value of each preset alone, and write down which changes no recorded update or loop notices.

    It takes minutes. The list may only shrink: a change that was noticed and no longer is makes exit code 1.
    """
    from suite.specimens import mutations as changes
    from suite.specimens import switches

    grown = changes.record(VECTORS, SCHEDULES, lambda line: click.echo(line, err=True))
    for line in grown:
        click.echo(f"noticed before, and no longer: {line}")
    switches.main(check=False)
    sys.exit(1 if grown else 0)


VECTORS, SCHEDULES = Path("tests/vectors"), Path("tests/schedules")


def _tell(results: list[Any], render: Callable[[list[Any]], str], as_json: bool) -> bool:
    """Prints verdicts as a table or as JSON, and a sentence on each file that has none; whether all are good.

    UsageError if no file has a verdict. float32 is shown and held against nobody.
    """
    verdicts = [one for one in results if hasattr(one, "passed")]
    unread = [one for one in results if not hasattr(one, "passed")]
    if not verdicts:
        raise UsageError(unread[0].reason)
    if as_json:
        click.echo(as_json_text([one._asdict() | {"passed": one.passed} for one in verdicts]))
    else:
        click.echo(render(verdicts))
    for one in unread:
        click.echo(f"not examined: {one.reason}", err=True)
    held = [one for one in verdicts if getattr(one, "precision", "float64") == "float64"]
    return not unread and all(one.passed for one in held)


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
@click.option("--write", is_flag=True, help="Write docs/theory.md.")
def theory(write: bool) -> None:
    """Compute every claim of SAC's theory on finite MDPs: half a minute. Exit code 1 if one does not hold."""
    from suite.specimens import theory as theories

    computed = list(theories.claims())
    if write:
        theories.PATH.write_text(theories.render(computed))
    for one in computed:
        click.echo(
            f"{'holds' if one.holds else 'DOES NOT HOLD':13} {one.statement}: {one.measured:.2g} <= {one.bound:.2g}"
        )
    if not all(one.holds for one in computed):
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


@main.command()
@click.option("--reports", default="reports", show_default=True, help="Where the released studies' reports lie.")
def findings(reports: str) -> None:
    """Write docs/findings.md and its figure, what the released studies found. `make findings` makes their reports."""
    import implementations
    from suite.report.figures.saving import save_pictures
    from suite.report.site import findings as document
    from suite.report.site import glance, studies
    from suite.study import reproduction

    if implementations.CHECKOUT is None:
        raise UsageError("the findings are written in a checkout; this suite is installed without one")
    folders = document.reports_of(Path(reports))
    known = [study for folder in folders if (study := studies.read(folder)) is not None]
    if missing := [folder.name for folder in folders if folder.name not in {study.name for study in known}]:
        remedy = f"python -m suite report --from results/released/{missing[0]}"
        raise UsageError(f"no report of {', '.join(missing)} lies under {reports}: run `{remedy}`")
    again = reproduction.read_table(document.REPRODUCED)
    document.PATH.write_text(document.page(known, document.discussed(), again), encoding="utf-8")
    if content := glance.drawn(document.questions(known), known):
        save_pictures(content, (document.PATH.parent / glance.FIGURE).with_suffix(""), ["png"])
    click.echo(document.PATH)


@main.command()
@click.option("--output", default="build", show_default=True, help="The folder that gets pages/ and mkdocs.yml.")
@click.option("--reports", default="reports", show_default=True, help="Where the released studies' reports lie.")
def site(output: str, reports: str) -> None:
    """Write the pages of the site as Markdown, which `make docs` builds: questions, code bases, published curves.

    What is said of a study is what its report says; `python -m suite report --from results/released/STUDY` makes that.
    """
    import implementations
    from suite.report import site as pages

    if implementations.CHECKOUT is None:
        raise UsageError("the site is made in a checkout; this suite is installed without one")
    released = sorted(path.parent.name for path in (implementations.CHECKOUT / "results/released").glob("*/SHA256SUMS"))
    count = pages.write(Path(output), [Path(reports) / name for name in released])
    click.echo(f"{Path(output) / 'pages'}: {count} pages")

"""The command that measures: bench."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.app import main
from suite.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@main.command()
@click.option(
    "--rounds", type=click.IntRange(1), default=3, show_default=True, help="How often each contender is measured."
)
@click.option(
    "--env-steps", type=click.IntRange(1), default=1000, show_default=True, help="Steps of the loop that are timed."
)
@click.option("--updates", type=click.IntRange(1), default=300, show_default=True, help="Updates that are timed.")
@click.option("--blocks", help="Instead: one engine with so many seeds in lockstep, as in 1,2,5,10,20.")
@click.option("--engine", default="jax", show_default=True, help="The engine for --blocks.")
@click.option("--statistics", is_flag=True, help="Instead: the statistics beside rliable, and a whole statistics step.")
@click.option(
    "--output",
    help="Where every number goes, as JSON.  [default: reports/bench.json, or reports/bench-statistics.json]",
)
@click.argument("contenders", nargs=-1)
def bench(
    rounds: int,
    env_steps: int,
    updates: int,
    blocks: str | None,
    engine: str,
    statistics: bool,
    output: str | None,
    contenders: tuple[str, ...],
) -> None:
    """Our engines beside other packages on one core: steps/s, updates/s, memory, start. CONTENDERS: all by default."""
    from suite.bench import engines
    from suite.bench import statistics as bench_statistics
    from suite.study.plan import obstacle

    if statistics and (blocks is not None or contenders):
        raise UsageError("--statistics measures no engine; leave out --blocks and the contenders")
    if blocks is not None and contenders:
        raise UsageError(f"--blocks measures one engine; name it as in --engine {contenders[0]}")
    kind = "bench-statistics" if statistics else "bench"
    path = Path(output or f"reports/{kind}.json")
    if blocked := obstacle(path.parent):  # before minutes of measuring, not after
        raise UsageError(f"--output is {str(path)!r}, but {blocked} is not a folder one may write to")

    def say(line: str) -> None:
        click.echo(line, err=True)

    if statistics:
        of_statistics = bench_statistics.run(rounds=rounds, say=say)
        _finish(path, of_statistics, bench_statistics.render(of_statistics))
    elif blocks is None:
        result = engines.run(contenders, rounds=rounds, env_steps=env_steps, updates=updates, say=say)
        _finish(path, result, engines.render(result))
    else:
        sizes = engines.sizes(blocks)
        of_blocks = engines.blocks(engine, sizes, rounds=rounds, env_steps=env_steps, updates=updates)
        _finish(path, of_blocks, engines.render_blocks(of_blocks))


def _finish(path: Path, result: DataclassInstance, text: str) -> None:
    """Writes every number and prints the table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(result), indent=1))
    click.echo(f"{text}\n{path}")

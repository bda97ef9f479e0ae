"""The command that measures: bench."""

from __future__ import annotations

import json
from pathlib import Path

import click

from suite.cli.app import main
from suite.errors import UsageError


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
    from suite.bench import engines as benching
    from suite.bench import statistics as bench_statistics
    from suite.study.plan import obstacle

    if statistics and (blocks is not None or contenders):
        raise UsageError("--statistics measures no engine; leave out --blocks and the contenders")
    if blocks is not None and contenders:
        raise UsageError(f"--blocks measures one engine; name it as in --engine {contenders[0]}")
    output = output or f"reports/bench{'-statistics' if statistics else ''}.json"
    if there := obstacle(Path(output).parent):  # said before minutes of measuring, not after
        raise UsageError(f"--output is {output!r}, but {there} is not a folder one may write to")

    def say(line: str) -> None:
        click.echo(line, err=True)

    if statistics:
        result = bench_statistics.run(rounds=rounds, say=say)
        text = bench_statistics.render(result)
    elif blocks is None:
        result = benching.run(contenders, rounds=rounds, env_steps=env_steps, updates=updates, say=say)
        text = benching.render(result)
    else:
        sizes = benching.sizes(blocks)
        result = benching.blocks(engine, sizes, rounds=rounds, env_steps=env_steps, updates=updates)
        text = benching.render_blocks(result)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(json.dumps(result, indent=1))
    click.echo(f"{text}\n{output}")

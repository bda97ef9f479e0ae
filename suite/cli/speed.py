"""The command that measures: bench."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from suite.cli.app import as_json_text, main
from suite.errors import UsageError

_count = partial(click.option, type=click.IntRange(1), show_default=True)


@main.command()
@_count("--rounds", default=3, help="How often each contender is measured.")
@_count("--env-steps", default=1000, help="Steps of the loop that are timed.")
@_count("--updates", default=300, help="Updates that are timed.")
@click.option("--blocks", help="Instead: one engine with so many seeds in lockstep, as in 1,2,5,10,20.")
@_count("--seconds", default=60, help="Of measuring, at most, for each number of seeds of --blocks.")
@click.option("--engine", default="jax", show_default=True, help="The engine for --blocks.")
@click.option("--statistics", is_flag=True, help="Instead: the statistics beside rliable, and a whole statistics step.")
@click.option(
    "--output",
    help="Where every number goes, as JSON.  [default: reports/bench.json, or reports/bench-statistics.json]",
)
@click.argument("contenders", nargs=-1)
def bench(
    blocks: str | None,
    seconds: int,
    engine: str,
    statistics: bool,
    output: str | None,
    contenders: tuple[str, ...],
    **times: int,
) -> None:
    """Our engines beside other packages on one core: steps/s, updates/s, memory, start. CONTENDERS: all by default."""
    from suite.bench import engines
    from suite.bench import statistics as bench_statistics
    from suite.study.plan import obstacle

    if statistics and (blocks is not None or contenders):
        raise UsageError("--statistics measures no engine; leave out --blocks and the contenders")
    if blocks is not None and contenders:
        raise UsageError(f"--blocks measures one engine; name it as in --engine {contenders[0]}")
    path = Path(output or f"reports/{'bench-statistics' if statistics else 'bench'}.json")
    if blocked := obstacle(path.parent):  # before minutes of measuring, not after
        raise UsageError(f"--output is {str(path)!r}, but {blocked} is not a folder one may write to")
    say = partial(click.echo, err=True)
    result: bench_statistics.Result | engines.Result | engines.Blocks
    if statistics:
        result = bench_statistics.run(rounds=times["rounds"], say=say)
        text = bench_statistics.render(result)
    elif blocks is None:
        result = engines.run(contenders, **times, say=say)
        text = engines.render(result)
    else:
        result = engines.blocks(engine, engines.sizes(blocks), **times, seconds=seconds)
        text = engines.render_blocks(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json_text(result))
    click.echo(f"{text}\n{path}")

"""The command that measures: bench."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path

import click

from suite.cli.app import main
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
@click.option("--pipeline", is_flag=True, help="Instead: every step from 600 records to a report, and one run more.")
@click.option(
    "--output",
    help="Where every number goes, as JSON.  [default: reports/bench.json, bench-statistics.json, bench-pipeline.json]",
)
@click.argument("contenders", nargs=-1)
def bench(
    blocks: str | None,
    seconds: int,
    engine: str,
    statistics: bool,
    pipeline: bool,
    output: str | None,
    contenders: tuple[str, ...],
    **times: int,
) -> None:
    """Our engines beside other packages on one core: steps/s, updates/s, memory, start. CONTENDERS: all by default."""
    from suite.bench import engines
    from suite.bench import pipeline as bench_pipeline
    from suite.bench import statistics as bench_statistics
    from suite.study.plan import obstacle

    of_no_engine = [name for name, asked in (("statistics", statistics), ("pipeline", pipeline)) if asked]
    if len(of_no_engine) > 1:
        raise UsageError("--statistics and --pipeline are two benchmarks; give one of them")
    if of_no_engine and (blocks is not None or contenders):
        raise UsageError(f"--{of_no_engine[0]} measures no engine; leave out --blocks and the contenders")
    if blocks is not None and contenders:
        raise UsageError(f"--blocks measures one engine; name it as in --engine {contenders[0]}")
    path = Path(output or f"reports/{'-'.join(['bench', *of_no_engine])}.json")
    if blocked := obstacle(path.parent):  # before minutes of measuring, not after
        raise UsageError(f"--output is {str(path)!r}, but {blocked} is not a folder one may write to")
    say = partial(click.echo, err=True)
    result: bench_pipeline.Result | bench_statistics.Result | engines.Result | engines.Blocks
    if pipeline:
        result = bench_pipeline.run(say=say)
        text = bench_pipeline.render(result)
    elif statistics:
        result = bench_statistics.run(rounds=times["rounds"], say=say)
        text = bench_statistics.render(result)
    elif blocks is None:
        result = engines.run(contenders, **times, say=say)
        text = engines.render(result)
    else:
        result = engines.blocks(engine, engines.sizes(blocks), **times, seconds=seconds)
        text = engines.render_blocks(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(result), indent=1))
    click.echo(f"{text}\n{path}")

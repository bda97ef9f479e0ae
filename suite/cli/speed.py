"""The command that measures: bench."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

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

    of_no_engine = _of_no_engine(statistics=statistics, pipeline=pipeline)
    if of_no_engine and (blocks is not None or contenders):
        raise UsageError(f"--{of_no_engine} measures no engine; leave out --blocks and the contenders")
    if blocks is not None and contenders:
        raise UsageError(f"--blocks measures one engine; name it as in --engine {contenders[0]}")
    path = _writable(Path(output or f"reports/{'-'.join(filter(None, ('bench', of_no_engine)))}.json"))
    say = partial(click.echo, err=True)
    result: Any
    if of_no_engine:
        result, text = _after_training(of_no_engine, times["rounds"], say)
    elif blocks is None:
        result = engines.run(contenders, **times, say=say)
        text = engines.render(result)
    else:
        result = engines.blocks(engine, engines.sizes(blocks), **times, seconds=seconds)
        text = engines.render_blocks(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json_text(result))
    click.echo(f"{text}\n{path}")


def _of_no_engine(**asked: bool) -> str:
    """The benchmark that is asked for, of those that measure no engine; "" if none is."""
    names = [name for name, wanted in asked.items() if wanted]
    if len(names) > 1:
        raise UsageError(f"--{names[0]} and --{names[1]} are two benchmarks; give one of them")
    return "".join(names)


def _writable(path: Path) -> Path:
    """The path of the output; UsageError before minutes of measuring, not after."""
    from suite.study.plan import obstacle

    if blocked := obstacle(path.parent):
        raise UsageError(f"--output is {str(path)!r}, but {blocked} is not a folder one may write to")
    return path


def _after_training(name: str, rounds: int, say: Callable[[str], None]) -> tuple[Any, str]:
    """What a benchmark of what comes after training measured, and its table."""
    from suite.bench import pipeline, statistics

    if name == "pipeline":
        steps = pipeline.run(say=say)
        return steps, pipeline.render(steps)
    intervals = statistics.run(rounds=rounds, say=say)
    return intervals, statistics.render(intervals)

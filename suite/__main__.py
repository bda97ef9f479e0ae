"""The command line: python -m suite COMMAND. Every mistake of the caller is one sentence and exit code 2."""

from __future__ import annotations

import os

# One thread per process, and before any of them loads its numeric library: it is faster here, and fair.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import json
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click

from suite import DEFAULT_CONFIG, UsageError, nearest

EXIT_USAGE, EXIT_INTERRUPTED, EXIT_OWNED = 2, 75, 76

config_option = click.option(
    "--config", "config", default=DEFAULT_CONFIG, show_default=True, help="The study's YAML file."
)


class Commands(click.Group):
    """A group that turns our own errors into a sentence and names the nearest command."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            fail(f"there is no command {args[0]!r}; did you mean {nearest(args[0], self.commands)}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            fail(str(error))


def fail(sentence: str, code: int = EXIT_USAGE) -> NoReturn:
    click.echo(f"error: {sentence}", err=True)
    sys.exit(code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train, compare and check reference implementations of Soft Actor-Critic."""


# --- before and during a sweep


@main.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def plan(config: str, as_json: bool) -> None:
    """What a config would run, and what it is expected to cost, before anything runs."""
    from suite import overview

    overview.plan(Path(config), as_json)


@main.command()
@config_option
@click.option("--attempt", default=1, help="Which try this is; only the last one records a crash.")
@click.option("--attempts", default=1, help="How many tries there are.")
@click.option("--stop-with-parent", is_flag=True, help="Checkpoint and stop when the starting process is gone.")
@click.argument("records", nargs=-1, required=True)
def run(config: str, records: tuple[str, ...], attempt: int, attempts: int, stop_with_parent: bool) -> None:
    """Train the runs that leave these RECORDS (paths the plan of the config names; one cell, one or more seeds).

    Several seeds are trained in lockstep. A record that exists is kept.
    """
    import implementations
    from suite import guest, identity, runner, tracking
    from suite.checkpoint import OwnedError
    from suite.plan import Plan

    planned_study = Plan(Path(config))
    planned_study.check_writable()
    chosen = []
    for record in records:
        if record not in planned_study.runs:
            close = nearest(record, planned_study.runs)
            raise UsageError(f"{config} plans no run with the record {record}; did you mean {close}?")
        chosen.append(planned_study.runs[record])
    cell = chosen[0].cell
    if any(other.cell != cell for other in chosen):
        raise UsageError("the records belong to different cells; one process trains seeds of one cell")
    for one in chosen:
        if Path(one.record).exists():
            click.echo(f"{one.record} exists and is kept; remove it to train the run again", err=True)
    chosen = [one for one in chosen if not Path(one.record).exists()]
    if not chosen:
        return
    if cell.implementation in planned_study.imported:
        raise UsageError(
            f"{config}: {chosen[0].record} is missing, and {cell.implementation} is imported, not trained here; "
            "python -m suite import makes its records"
        )
    entry = implementations.registered()[cell.implementation]
    if len(chosen) > 1 and (entry.trainer or not cell.schedule.lockstep):
        raise UsageError(f"{cell.implementation} trains {cell.variant} one seed in a process; name one record")
    if not entry.environment or not entry.environment.exists() or not entry.environment.samefile(sys.prefix):
        planned_study.check_environments()
        if entry.environment:  # with its own lock
            interpreter = str(implementations.ROOT / entry.interpreter)
            os.execv(interpreter, [interpreter, "-m", "suite", *sys.argv[1:]])
    options = planned_study.config
    job = cell.job(tuple(one.seed for one in chosen), planned_study.study, planned_study.declaration_id[:10])
    places = [runner.Place(Path(one.record), planned_study.work(cell, one.seed)) for one in chosen]

    def make_tracker(job: Any, seed: int, folder: Path) -> tracking.Tracker:
        return tracking.tracker(options.tracking.mode, options.tracking.project, job, seed, folder)

    def say(line: str) -> None:
        click.echo(line, err=True)
        for place in places:  # the workflow's own log is deleted before every attempt: this one is kept
            with (place.work / "log.txt").open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{attempt}] {line}\n")

    try:
        runner.train(
            implementations.load(cell.implementation),
            job,
            places,
            code_id=identity.code_id(entry.target.split(":")[0]),
            checkpoint_seconds=options.execution.checkpoint_seconds,
            keep_checkpoint=options.execution.keep_checkpoints,
            last_attempt=attempt >= attempts,
            time_limit_hours=options.execution.time_limit_hours,
            stop_with_parent=stop_with_parent,
            make_lab=guest.Guest if entry.trainer else runner.Lab,
            make_tracker=make_tracker,
            say=say,
        )
    except runner.Interrupted as error:
        say(str(error))
        sys.exit(EXIT_INTERRUPTED)
    except OwnedError as error:
        fail(str(error), EXIT_OWNED)


@main.command(hidden=True)
@config_option
def manifest(config: str) -> None:
    """Put the planned runs and the declaration on record; Snakemake calls it before the first run."""
    from suite import manifest as planning
    from suite.plan import Plan

    planning.write(Plan(Path(config)))


@main.command(context_settings={"ignore_unknown_options": True})
@config_option
@click.option("--cores", default=os.cpu_count(), show_default=True, help="How many runs at once.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sweep(config: str, cores: int, arguments: tuple[str, ...]) -> None:
    """Run Snakemake on a config, first clearing what a killed sweep left; further ARGUMENTS go to Snakemake."""
    from suite import sweep as sweeping

    sys.exit(sweeping.sweep(Path(config), cores, list(arguments)))


@main.command()
@config_option
@click.option("--watch", is_flag=True, help="Stay and refresh until everything is done.")
@click.option("--every", default=2.0, show_default=True, help="Seconds between looks.")
def status(config: str, watch: bool, every: float) -> None:
    """The whole sweep at a glance: done, running with ETA, diverged, missing."""
    from suite import overview

    overview.status(Path(config), watch, every)


@main.command()
@config_option
@click.option("--status", "wanted", required=True, help="crashed, diverged, timeout, invalid or stale.")
@click.option("--dry-run", is_flag=True, help="Only say which.")
def retry(config: str, wanted: str, dry_run: bool) -> None:
    """Remove the records of one status, so that the next sweep trains these runs again."""
    from suite import gather as gathering
    from suite.plan import Plan
    from suite.records import arrays_path

    choices = ("crashed", "diverged", "timeout", "invalid", "stale")
    if wanted not in choices:
        raise UsageError(f"--status is {wanted!r}; did you mean {nearest(wanted, choices)}?")
    planned_study = Plan(Path(config))
    runs = gathering.gather(planned_study)["runs"]
    chosen = runs[runs["stale"]] if wanted == "stale" else runs[runs["status"] == wanted]
    elsewhere = chosen["implementation"].isin(planned_study.imported)
    for path in chosen["path"][elsewhere]:
        click.echo(f"kept {path}: it is imported, and no sweep could make it again")
    chosen = chosen[~elsewhere]
    for path in chosen["path"]:
        click.echo(f"{'would remove' if dry_run else 'removed'} {path}")
        if not dry_run:
            Path(path).unlink()
            arrays_path(Path(path)).unlink(missing_ok=True)
    click.echo(f"{len(chosen)} {wanted} of {len(runs)} runs")


# --- afterwards


@main.command(name="import")
@click.option("--task", "tasks", multiple=True, required=True, help="Of the runs; of an array's columns, in order.")
@click.option("--implementation", required=True, help='What these runs are to be called, such as "mylib".')
@click.option("--preset", required=True, help="The settings that they claim to be trained with.")
@click.option("--write-config", "config", help="Write the config of a study of them here.")
@click.option("--results", default="results", show_default=True, help="Where the records go.")
@click.option("--format", "format_", help="What the files are, where name and content do not tell.")
@click.option("--kind", type=click.Choice(["mean", "sample", "training"]), help="Evaluations (by action) or training.")
@click.option("--seeds", help="Of the runs that do not tell theirs, in order, as in 0,1,2.")
@click.option("--step-column", "step", help="The column, tag or key of the environment step.")
@click.option("--return-column", "value", help="The column, tag or key of the return.")
@click.option("--seed-column", "seed", help="The column or key of the seed.")
@click.option("--algorithm", help="Which of rliable's arrays.")
@click.option("--frames", help="Environment steps along an array's third axis, as in 50000,100000.")
@click.option("--every", type=click.IntRange(1), help="Steps between evaluations, or a window of training returns.")
@click.option("--episodes", type=click.IntRange(1), help="How many the log has averaged into each value.")
@click.option("--env-steps", type=click.IntRange(1), help="The budget.  [default: where the longest run ends]")
@click.option("--step-offset", type=click.IntRange(0), default=0, help="Steps that the log's axis leaves out.")
@click.option(
    "--status-of-short",
    "short",
    type=click.Choice(["crashed", "diverged", "timeout"]),
    help="What became of runs that end early, or whose returns stop being numbers.",
)
@click.option("--version", "versions", multiple=True, help="Of a package that made the runs, as in torch=2.1.")
@click.argument("files", nargs=-1, required=True)
def import_(files: tuple[str, ...], config: str | None, results: str, **told: Any) -> None:
    """Make records of runs that were trained elsewhere, so that they are gathered, checked and shown like our own.

    FILES: logs or folders of them (stable-baselines3's evaluations.npz and monitor.csv, TensorBoard event files, W&B
    offline folders, tables as CSV, parquet or JSON, rliable's arrays), or wandb:entity/project/run.
    """
    from suite import importing, logs

    for name in ("seeds", "frames"):
        told[name] = _whole_numbers(f"--{name}", told[name])
    if wrong := [version for version in told["versions"] if "=" not in version]:
        raise UsageError(f"--version is {wrong[0]!r}; it must be a package and its version, as in torch=2.1")
    told["versions"] = dict(version.split("=", 1) for version in told["versions"])
    told["format"] = told.pop("format_")
    if told["format"] not in (None, *logs.FORMATS):
        raise UsageError(f"--format is {told['format']!r}; did you mean {nearest(told['format'], logs.FORMATS)}?")
    ask = logs.Ask(**{name: value for name, value in told.items() if name in logs.Ask._fields})
    claim = importing.Claim(**{name: value for name, value in told.items() if name in importing.Claim._fields})
    for line in importing.main(files, ask, claim, results, config):
        click.echo(line)


def _whole_numbers(option: str, text: str | None) -> tuple[int, ...]:
    """A list such as 0,1,2."""
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise UsageError(f"{option} is {text!r}; it must be whole numbers, as in 0,1,2") from None


@main.command()
@config_option
def gather(config: str) -> None:
    """Collect the runs' records into tidy tables; missing, invalid and stale ones are named."""
    from suite import gather as gathering
    from suite.plan import Plan

    planned_study = Plan(Path(config))
    runs = gathering.main(planned_study)["runs"]
    for status_, count in runs["status"].value_counts().items():
        click.echo(f"{count:>6} {status_}")
    stale = runs[runs["stale"]]
    if len(stale):
        click.echo(
            f"{len(stale):>6} stale: made by other code than the present one, left out of every average\n"
            f"       python -m suite retry --config {config} --status stale   clears them"
        )


def _declared(config: Any) -> Any:
    """A config's declarations as the statistics take them."""
    from suite.inference import Declared

    return Declared(
        **config.report.model_dump(),
        equivalence=config.equivalence.model_dump(),
        families=config.families.model_dump(),
    )


@main.command()
@config_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes at once; changes no number.",
)
def statistics(config: str, workers: int) -> None:
    """Estimates, intervals, comparisons and effects of a study: results.json."""
    from suite import references, summary
    from suite.plan import Plan

    planned_study = Plan(Path(config))
    summary.main(
        planned_study.study_dir,
        random_policy={task: anchor.mean for task, anchor in references.random_policy().items()},
        anchors=references.anchors(),
        second_anchors=references.anchors("second"),
        declared=_declared(planned_study.config),
        workers=workers,
    )


@main.command()
@config_option
@click.option("--task", help="Only this task.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.argument("a")
@click.argument("b")
def compare(config: str, task: str | None, as_json: bool, a: str, b: str) -> None:
    """Hold cell A of a gathered study against cell B: means, order, curves, equivalence.

    A and B: a label ("sac_v2", "critics/single"), a preset or the start of a run id, with the implementation in front
    ("jax/sac_v2") where several have it.
    """
    from suite import comparison, references
    from suite.plan import Plan

    planned_study = Plan(Path(config))
    declared = _declared(planned_study.config)
    found = comparison.compare(
        planned_study.study_dir, a, b, task=task, anchors=references.anchors(), declared=declared
    )
    click.echo(json.dumps(found, indent=1) if as_json else comparison.render(found))


@main.command()
@click.option("--config", help="Plan with a gathered study: what the seeds of its cells could settle.")
@click.option("--task", help="Only this task of the study.")
@click.option(
    "--n", "sizes", multiple=True, type=click.IntRange(2), help="Seeds per group; may be given several times."
)
@click.option("--effect", type=float, help="A difference in standard deviations.")
@click.option("--difference", type=float, help="A difference in return units; needs --sd.")
@click.option("--sd", type=float, help="Standard deviation over seeds, in return units.")
@click.option("--margin", type=float, help="Margin of an equivalence test, in return units with --sd, else in SDs.")
@click.option("--power", "target", type=click.FloatRange(0, 1, True, True), default=0.8, show_default=True)
@click.option("--alpha", type=click.FloatRange(0, 1, True, True), default=0.05, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def power(
    config: str | None,
    task: str | None,
    sizes: tuple[int, ...],
    effect: float | None,
    difference: float | None,
    sd: float | None,
    margin: float | None,
    target: float,
    alpha: float,
    as_json: bool,
) -> None:
    """How many seeds a question needs, and what a number of seeds can settle."""
    from suite import comparison, references
    from suite.plan import Plan

    asked = {"--n": sizes, "--effect": effect, "--difference": difference, "--sd": sd, "--margin": margin}
    if config is None:
        if task:
            raise UsageError("--task is of a study; give its --config too")
        found = comparison.power_table(
            n=sizes or comparison.SEEDS, effect=effect, difference=difference, sd=sd, margin=margin, target=target,
            alpha=alpha,
        )  # fmt: skip
    elif given := [name for name, value in asked.items() if value not in (None, ())]:
        raise UsageError(f"{given[0]} is for planning without a study; a study has its own seeds, spreads and margins")
    else:
        planned_study = Plan(Path(config))
        declared = _declared(planned_study.config)
        found = comparison.study_power(
            planned_study.study_dir, task=task, anchors=references.anchors(), declared=declared, target=target
        )
    click.echo(json.dumps(found, indent=1) if as_json else comparison.render_power(found))


@main.command()
@config_option
def figures(config: str) -> None:
    """The study's figures as PDF, SVG and PNG, with the numbers behind each as CSV."""
    from suite import figures as drawing
    from suite.plan import Plan

    planned_study = Plan(Path(config))
    drawing.main(planned_study.study_dir, planned_study.report_dir)


@main.command()
@config_option
def report(config: str) -> None:
    """The study's self-contained report.html."""
    from suite import report as reporting
    from suite.plan import Plan

    planned_study = Plan(Path(config))
    command = f"snakemake --cores N --configfile {config}"
    text = Path(config).read_text()
    reporting.main(planned_study.study_dir, planned_study.report_dir, config_text=text, command=command)
    click.echo(planned_study.report_dir / "report.html")


@main.command()
@click.option("--config", help=f"The study's YAML file.  [default: {DEFAULT_CONFIG}]")
@click.option("--study", help="Instead: the study of that name, config/NAME.yaml.")
@click.option("--gate", is_flag=True, help="Exit 1 if a gated row FAILs, 3 if none is gated.")
@click.option("--against-baseline", "baseline", help="Instead of published results: a baseline's name, or path.")
@click.option("--blind", is_flag=True, help="Take every ablation's arm for its baseline: would a mistake be noticed?")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def check(config: str | None, study: str | None, gate: bool, baseline: str | None, blind: bool, as_json: bool) -> None:
    """Hold every finished cell against the published results of the same settings, or against a baseline.

    Exit code 0; 1 with --gate and something gated that FAILs (or is DIFFERENT); 2 for a mistake; 3 if there is nothing
    to compare. INCONCLUSIVE alone is 0: it asks for more seeds.
    """
    from suite import baseline as baselines
    from suite import check as checking
    from suite import verdicts
    from suite.plan import Plan

    if config and study:
        raise UsageError("--study names a config, and so does --config; give one of them")
    if blind and baseline:
        raise UsageError("--blind is about published results; leave out --against-baseline")
    known = [path.stem for path in sorted(Path("config").glob("*.yaml"))]
    if study and study not in known:
        raise UsageError(f"there is no config/{study}.yaml; did you mean {nearest(study, known)}?")
    planned_study = Plan(Path(f"config/{study}.yaml" if study else config or DEFAULT_CONFIG))
    declared, options = _declared(planned_study.config), planned_study.config.check
    if baseline:
        found = baselines.compare(
            checking.gathered(planned_study.study_dir), baselines.load(baseline), declared=declared,
            margin=options.margin, confidence=options.confidence,
        )  # fmt: skip
    else:
        found = checking.main(planned_study.study_dir, **options.model_dump(), declared=declared, blind=blind)
    render = baselines.render if baseline else verdicts.render
    click.echo(json.dumps(found, indent=1) if as_json else render(found))
    sys.exit(checking.exit_code(found["rows"], gate))


@main.group(cls=Commands)
def baseline() -> None:
    """A study's results frozen, for `check --against-baseline`."""


@baseline.command("save")
@config_option
@click.option("--force", is_flag=True, help="Overwrite the baseline of that name.")
@click.argument("name")
def save_baseline(config: str, force: bool, name: str) -> None:
    """Freeze the window means of a gathered study's runs as NAME in suite/references/baselines, or at a path."""
    from suite import baseline as baselines
    from suite import references
    from suite.plan import Plan

    study_dir = Plan(Path(config)).study_dir
    click.echo(baselines.save(name, study_dir, references.load(), references.random_policy(), force=force))


@main.command()
@click.argument("run")
@click.option("--results", default="results", show_default=True, help="Where results lie.")
def show(run: str, results: str) -> None:
    """A run's provenance and its difference from its preset. RUN: a record's path, or a run id (or its start)."""
    from suite import provenance

    click.echo(provenance.show(run, Path(results)))


@main.command()
@click.argument("a")
@click.argument("b")
@click.option("--task", default="HalfCheetah-v5", show_default=True, help="The task whose values are compared.")
def difference(a: str, b: str, task: str) -> None:
    """Every switch in which two presets differ, with both citations."""
    from suite import provenance

    click.echo(provenance.preset_difference(a, b, task))


# --- the code bases


@main.command()
@click.option("--implementation", default="all", show_default=True, help="An engine's name, or all of them.")
@click.option("--record", is_flag=True, help="Write down which presets conform: for docs/presets.md and reports.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.argument("paths", nargs=-1)
def conformance(implementation: str, record: bool, as_json: bool, paths: tuple[str, ...]) -> None:
    """Run original code bases' recorded updates through our engines. PATHS: .npz files or folders (tests/vectors).

    Exit code 1 if a deviation in float64 exceeds its tolerance.
    """
    import implementations
    from suite import conformance as conforming
    from suite import switches

    engines = list(implementations.REGISTRY)
    if implementation not in ("all", *engines):
        raise UsageError(
            f"--implementation is {implementation!r}; did you mean {nearest(implementation, ('all', *engines))}?"
        )
    if record and (paths or implementation != "all"):
        raise UsageError(
            "--record writes what tests/vectors give in every engine; leave out PATHS and --implementation"
        )
    names = engines if implementation == "all" else [implementation]
    verdicts = list(conforming.run([Path(path) for path in paths or ("tests/vectors",)], names))
    if as_json:
        rows = [one._asdict() | {"passed": one.passed} for one in verdicts]
        for row in rows:
            row["deviations"] = {kind: each._asdict() for kind, each in row["deviations"].items()}
        click.echo(json.dumps(rows, indent=1))
    else:
        click.echo(conforming.render(verdicts))
    if record:
        conforming.record(verdicts)
        switches.main(check=False)
    if any(not one.passed for one in verdicts if one.precision == "float64"):
        sys.exit(1)


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a copy is not what would be written.")
@click.argument("presets", nargs=-1)
def listing(check: bool, presets: tuple[str, ...]) -> None:
    """Write the reading copies of PRESETS (all by default): each engine as that preset alone runs it."""
    from suite import listing as listings

    files = listings.main(presets, check)
    for file in files:
        click.echo(file)
    if check and files:
        sys.exit(1)


# --- speed


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
    from suite import bench as benching
    from suite import bench_statistics
    from suite.plan import obstacle

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


if __name__ == "__main__":
    main()

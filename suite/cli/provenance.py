"""Provenance in words: where a run's numbers come from, and how a spec differs from a preset."""

from __future__ import annotations

from pathlib import Path

from suite.errors import UsageError, nearest
from suite.lab.records import Record, RecordError, read
from suite.lab.tasks import TASKS
from suite.sac import identity
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec
from suite.specimens.catalogue import load_preset, preset_names, resolve

_KINDS = {"mean": "mean action", "sample": "sampled actions", "training": "training returns"}


def find(run: str, results: Path) -> list[Path]:
    """The records a name means: a path, or every seed of a run id given whole or by its start."""
    if Path(run).is_file():
        return [Path(run)]
    records = sorted((results / "runs").glob("*/*/*/s*-*.parquet"))
    found = [
        path for path in records if path.parent.name.startswith(run) or str(path).startswith(run.rstrip("/") + "/")
    ]
    if not found:
        ids = sorted({path.parent.name for path in records})
        hint = f"did you mean {nearest(run, ids)}?" if ids else f"there are no records under {results}"
        raise UsageError(f"no record is named {run!r} (a path or a run id); {hint}")
    return found


def show(run: str, results: Path) -> str:
    """A run's provenance and its difference from the preset it was asked for as, as text."""
    paths = find(run, results)
    try:
        records = [read(path) for path in paths]
    except RecordError as error:
        raise UsageError(str(error)) from None
    first = records[0].meta
    versions = ", ".join(f"{name} {version}" for name, version in first["versions"].items())
    origin = first["origin"]
    imported = origin.get("imported")
    lines = [
        f"{first['task']}  {first['implementation']}  run {first['run_id']}",
        f"{'imported' if imported else 'asked for'} as {origin['variant']} (preset {origin['preset']}) in study "
        f"{origin['study']}",
        *(_claimed(imported) if imported else _described(first)),
        f"evaluation: {first['evaluation']['episodes']} episodes every {first['evaluation']['every']:,} steps"
        + ("" if imported else f", action: {first['schedule']['evaluation_action']}"),
        f"{'log' if imported else 'code'} {first['code_id']}; {versions or 'no version is told'}",
        f"on {first['device']} ({first['platform']})",
        *(_seed(path, record) for path, record in zip(paths, records, strict=True)),
    ]
    return "\n".join(lines)


def _claimed(imported: dict) -> list[str]:
    """What an imported run's log told, and what its importer did."""
    (file,), offset = imported["files"], imported["step_offset"]
    told = f"from {file['name']} ({imported['format']}), {_KINDS[imported['kind']]}"
    told += f", {offset:,} steps added to its axis" if offset else ""
    return [told, f"by the importer's word alone: {', '.join(imported['claimed'])}"]


def _described(meta: dict) -> list[str]:
    """The difference from the preset, one switch a line."""
    preset = meta["origin"].get("preset")
    if preset not in preset_names():
        return [f"preset {preset} is not known here, so no difference can be told"]
    spec, schedule = identity.from_plain(SacSpec, meta["spec"]), identity.from_plain(Schedule, meta["schedule"])
    usual_spec, usual_schedule = resolve(preset, meta["task"], {})
    found = identity.difference(usual_spec, spec) + identity.difference(usual_schedule, schedule)
    if not found:
        return [f"it is {preset} exactly"]
    return [f"it is {preset}, but:", *(f"  {difference}" for difference in found)]


def _seed(path: Path, record: Record) -> str:
    meta = record.meta
    returns = [row for row in record.episodes.to_pylist() if row["env_step"] == meta["last_env_step"]]
    final = f", last evaluation {sum(row['return'] for row in returns) / len(returns):.1f}" if returns else ""
    starts = len(meta["attempts"])
    resumed = f", in {starts} attempts" if starts > 1 else ""
    reason = f" ({meta['message']})" if meta["message"] else ""
    return (
        f"seed {meta['seed']}: {meta['status']} at step {meta['last_env_step']:,} of {meta['env_steps']:,}{reason}, "
        f"{meta['updates']:,} updates, {meta['wall_time_s']:.0f} s{resumed}{final}\n  {path}"
    )


def preset_difference(a: str, b: str, task: str) -> str:
    """Every switch in which two presets differ on a task, with what each cites for it, as text."""
    if task not in TASKS:
        raise UsageError(f"there is no task {task!r}; did you mean {nearest(task, TASKS)}?")
    first, second = load_preset(a), load_preset(b)
    (spec_a, schedule_a), (spec_b, schedule_b) = resolve(a, task, {}), resolve(b, task, {})
    found = identity.difference(spec_a, spec_b) + identity.difference(schedule_a, schedule_b)
    if not found:
        return f"{a} and {b} are the same on {task}"
    lines = [f"{b} differs from {a} on {task} in {len(found)} switches:"]
    for one in found:
        field = one.field.split(".")[0]
        lines.append(f"{one}")
        lines.append(f"    {a}: {first.SOURCES[field]}")
        lines.append(f"    {b}: {second.SOURCES[field]}")
    return "\n".join(lines)

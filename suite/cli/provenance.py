"""Provenance in words: where a run's numbers come from, and how a spec differs from a preset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import implementations
from suite.errors import UsageError, nearest
from suite.lab.records import Imported, Record, RecordError, RunRecord, read
from suite.lab.tasks import TASKS
from suite.sac import identity
from suite.specimens.catalogue import load_preset, preset_names, resolve

_KINDS = {
    "mean": "mean action",
    "sample": "sampled actions",
    "training": "training returns",
    "unknown": "by actions that it does not tell",
}


def find(run: str, results: Path) -> list[Path]:
    """The records a name means: a path, or every seed of a run id given whole or by its start."""
    if Path(run).is_file():
        return [Path(run)]
    records = sorted((results / "runs").glob("*/*/*/s*-*.parquet"))
    folder = run.rstrip("/") + "/"
    meant = [path for path in records if path.parent.name.startswith(run) or str(path).startswith(folder)]
    if not meant:
        ids = sorted({path.parent.name for path in records})
        hint = f"did you mean {nearest(run, ids)}?" if ids else f"there are no records under {results}"
        raise UsageError(f"no record is named {run!r} (a path or a run id); {hint}")
    return meant


def show(run: str, results: Path) -> str:
    """A run's provenance and its difference from the preset it was asked for as, as text."""
    paths = find(run, results)
    try:
        records = [read(path) for path in paths]
    except RecordError as error:
        raise UsageError(str(error)) from None
    first = records[0].meta
    versions = ", ".join(f"{name} {version}" for name, version in first.versions.items())
    played = "" if first.imported else f", action: {first.schedule.evaluation_action}"
    lines = [
        f"{first.task}  {first.implementation}  run {first.run_id}",
        f"{'imported' if first.imported else 'asked for'} as {first.origin.variant} (preset {first.origin.preset}) in "
        f"study {first.origin.study}",
        *(_claimed(first.imported) if first.imported else _described(first)),
        f"evaluation: {first.evaluation.episodes} episodes every {first.evaluation.every:,} steps{played}",
        f"{_made_by(first)}; {versions or 'no version is known'}",
        *(f"from the sources of commit {commit}" for commit in _commits(records)),
        f"on {first.device} ({first.platform})",
        *(_seed(path, record) for path, record in zip(paths, records, strict=True)),
    ]
    return "\n".join(lines)


def _made_by(record: RunRecord) -> str:
    """What made a run's numbers: its log, or the versions of the suite's parts."""
    if record.imported:
        return f"log {record.code_id}"
    parts = ", ".join(f"{part} {one.version}" for part, one in (record.numerics or {}).items())
    return f"code {record.code_id} ({parts or 'of which no versions are known'})"


def _commits(records: Sequence[Record]) -> list[str]:
    """The commits of the suite that trained these runs, those with changes of their own told; in their order."""
    commits = dict.fromkeys(attempt.commit for record in records for attempt in record.meta.attempts if attempt.commit)
    return [f"{commit.removesuffix('+')}{', with changes' if commit.endswith('+') else ''}" for commit in commits]


def _claimed(imported: Imported) -> list[str]:
    """What an imported run's log says, and what its importer did."""
    added = f", {imported.step_offset:,} steps added to its axis" if imported.step_offset else ""
    return [
        f"from {imported.file} ({imported.format}), {_KINDS.get(imported.kind, imported.kind)}{added}",
        f"by the importer's word alone: {', '.join(imported.claimed)}",
    ]


def _described(record: RunRecord) -> list[str]:
    """The difference from the preset, one switch a line."""
    preset = record.origin.preset
    if preset not in preset_names():
        return [f"preset {preset} is not known here, so no difference can be told"]
    usual_spec, usual_schedule = resolve(preset, record.task, {})
    differences = identity.difference(usual_spec, record.spec) + identity.difference(usual_schedule, record.schedule)
    lines = [f"  {difference}" for difference in differences]
    what = "it is" if implementations.ours(record.implementation) else f"{record.implementation} claims to be"
    return [f"{what} {preset}, but:", *lines] if lines else [f"{what} {preset} exactly"]


def _seed(path: Path, record: Record) -> str:
    meta = record.meta
    returns = [row["return"] for row in record.episodes.to_pylist() if row["env_step"] == meta.last_env_step]
    final = f", last evaluation {sum(returns) / len(returns):.1f}" if returns else ""
    resumed = f", in {len(meta.attempts)} attempts" if len(meta.attempts) > 1 else ""
    reason = f" ({meta.message})" if meta.message else ""
    return (
        f"seed {meta.seed}: {meta.status} at step {meta.last_env_step:,} of {meta.env_steps:,}{reason}, "
        f"{meta.updates:,} updates, {meta.wall_time_s:.0f} s{resumed}{final}\n  {path}"
    )


def preset_difference(a: str, b: str, task: str) -> str:
    """Every switch in which two presets differ on a task, with what each cites for it, as text."""
    if task not in TASKS:
        raise UsageError(f"there is no task {task!r}; did you mean {nearest(task, TASKS)}?")
    first, second = load_preset(a), load_preset(b)
    (spec_a, schedule_a), (spec_b, schedule_b) = resolve(a, task, {}), resolve(b, task, {})
    differences = identity.difference(spec_a, spec_b) + identity.difference(schedule_a, schedule_b)
    if not differences:
        return f"{a} and {b} are the same on {task}"
    if type(spec_a) is not type(spec_b):
        kinds = type(spec_b).__name__, type(spec_a).__name__
        return f"{b} differs from {a} in kind: {kinds[0]} and {kinds[1]} have no switches in common"
    lines = [f"{b} differs from {a} on {task} in {len(differences)} switches:"]
    for one in differences:
        field = one.field.split(".")[0]
        lines += [str(one), f"    {a}: {first.SOURCES[field]}", f"    {b}: {second.SOURCES[field]}"]
    return "\n".join(lines)

"""A config's sweeps as cells: every task x implementation x preset or arm, resolved, or one sentence on why not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import implementations
from suite.errors import UsageError, nearest
from suite.lab.tasks import TASKS
from suite.sac import identity
from suite.sac.ablation import Changes
from suite.sac.contract import refusal
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec, SpecError
from suite.specimens.catalogue import ablation_names, load_ablation, preset_names, resolve
from suite.study.cells import Cell, Label
from suite.study.config import Sweep


class Variant(NamedTuple):
    """A label, and what it changes in its preset."""

    label: Label
    changes: Changes


def checked(sweep: Sweep, where: str, imported: Collection[str]) -> Sweep:
    """The sweep, if all that it names exists; else UsageError. where: its place in the config."""
    _known(where, "tasks", sweep.tasks, TASKS, "task")
    known = sorted({*implementations.registered(), *imported})
    _known(where, "implementations", sweep.implementations, known, "implementation")
    _known(where, "presets", sweep.presets, preset_names(), "preset")
    _known(where, "ablations", sweep.ablations, ablation_names(), "ablation")
    if sweep.baseline:
        _known(where, "baseline", [sweep.baseline], preset_names(), "preset")
    return sweep


def cells_of(sweep: Sweep, where: str, imported: Collection[str]) -> Iterator[Cell]:
    """The cells of a checked sweep, each with its label."""
    trained = [name for name in sweep.implementations if name not in imported]
    variants = _variants(sweep)
    for task in sweep.tasks:
        arms: dict[tuple[str, str], str] = {}
        for variant in variants:
            spec, schedule = _resolved(variant, task, where)
            _check_trainable(sweep, where, variant.label, task, spec, schedule, trained)
            run_id = identity.run_id(spec, schedule, task, sweep.evaluate.every, sweep.evaluate.episodes)
            _check_distinct(arms, where, variant.label, task, run_id)
            for implementation in sweep.implementations:
                evaluation = sweep.evaluate.every, sweep.evaluate.episodes
                yield Cell(task, implementation, run_id, spec, schedule, *evaluation, sweep.env_steps, variant.label)


def _variants(sweep: Sweep) -> list[Variant]:
    """The sweep's presets and arms."""
    variants = [Variant(Label(name), {}) for name in sweep.presets]
    for name in sweep.ablations:
        ablation = load_ablation(name)
        preset = sweep.baseline or ablation.baseline
        for n, arm in enumerate(ablation.arms):
            label = Label(preset, name, arm.name, tuple(arm.levels.items()), baseline=n == 0)
            variants.append(Variant(label, arm.changes))
    return variants


def _resolved(variant: Variant, task: str, where: str) -> tuple[SacSpec, Schedule]:
    try:
        return resolve(variant.label.preset, task, variant.changes)
    except SpecError as error:
        raise UsageError(f"{where}: {variant.label} on {task} is no consistent setting: {error}") from None


def _check_trainable(
    sweep: Sweep, where: str, label: Label, task: str, spec: SacSpec, schedule: Schedule, trained: list[str]
) -> None:
    """UsageError unless every implementation that is trained here can train this and be evaluated so."""
    every, episodes = sweep.evaluate.every, sweep.evaluate.episodes
    if trained and episodes > spec.batch_size:
        raise UsageError(f"{where}.evaluate.episodes must not exceed the batch size, {spec.batch_size}")
    if reason := _nothing_to_learn_from(schedule, task):
        raise UsageError(f"{where}: {label} {reason}")
    for name in trained:
        if not implementations.registered()[name].trainer:
            continue
        if reason := refusal(implementations.load(name), spec, schedule, every):  # type: ignore[arg-type]
            of = f" (preset {label.preset})" if label.ablation else ""
            raise UsageError(f"{where}: {name} cannot train {label}{of} on {task}: {reason}")


def _check_distinct(arms: dict[tuple[str, str], str], where: str, label: Label, task: str, run_id: str) -> None:
    """UsageError if another arm of the ablation is the very same run; arms: run ids met so far, by ablation."""
    same = arms.setdefault((label.ablation or str(label), run_id), label.arm)
    if same != label.arm:
        raise UsageError(
            f"{where}: arms {same} and {label.arm} of {label.ablation} are one and the same on {task} "
            f"with the baseline {label.preset}; choose another baseline"
        )


def _nothing_to_learn_from(schedule: Schedule, task: str) -> str | None:
    """Why the first update would find no transition, or None."""
    least = TASKS[task].time_limit
    if schedule.insert == "step" or schedule.learn_after >= least:
        return None
    return f"has nothing to learn from before an episode has ended: learn_after must be at least {least} on {task}"


def _known(where: str, key: str, names: list[str], choices: Collection[str], what: str) -> None:
    """UsageError for a name that is not among the choices."""
    for n, name in enumerate(names):
        if name not in choices:
            at = f"{where}.{key}" + (f"[{n}]" if key != "baseline" else "")
            raise UsageError(f"{at} is {name!r}, which is no {what}; did you mean {nearest(name, choices)}?")

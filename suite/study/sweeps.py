"""A config's sweeps as cells: every task x implementation x preset or arm, resolved, or one sentence on why not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import implementations
from suite.errors import UsageError, nearest, quoted
from suite.lab.tasks import TASKS
from suite.sac import identity
from suite.sac.ablation import Changes
from suite.sac.contract import refusal
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec, SpecError
from suite.sac.specs import Spec
from suite.specimens import brought
from suite.specimens.catalogue import (
    ablation_names,
    arm_place,
    load_ablation,
    load_implementation,
    preset_names,
    resolve,
)
from suite.study.cells import Cell, Label
from suite.study.config import NAME, Sweep


def part_of(sweep: Sweep, records: Sequence[str]) -> Sweep:
    """A sweep without the tasks and implementations that stand in none of these paths."""
    lists = {"tasks": sweep.tasks, "implementations": sweep.implementations}
    kept = {key: [name for name in names if any(f"/{name}/" in one for one in records)] for key, names in lists.items()}
    return sweep.model_copy(update=kept)


class Meaningless(NamedTuple):
    """An arm that means nothing on a task beside its baseline."""

    ablation: str
    arm: str
    task: str
    why: str


FAST: Changes = {"precision": "bfloat16_hidden"}
"""What `precision: fast` changes in presets and arms. It returns what float32 does, within a tenth of what learning
gains, by the study in results/released/precision (docs/speed.md)."""


def cells_of(
    sweep: Sweep, where: str, imported: Collection[str], skipped: list[Meaningless], everywhere: Changes
) -> Iterator[Cell]:
    """The cells of a sweep, each with its label; UsageError if one cannot be made. where: the sweep in the config.

    skipped: gets the arms that mean nothing with a baseline that is not their ablation's own; everywhere: is changed in
    every preset and arm that does not change it itself.
    """
    _check_names(sweep, where, imported)
    trained = [name for name in sweep.implementations if name not in imported]
    every, episodes, final = sweep.evaluate.every, sweep.evaluate.episodes, sweep.evaluate.final_episodes
    variants = list(_variants(sweep))
    for task in sweep.tasks:
        arms: dict[tuple[str, str], Label] = {}
        for label, changes in variants:
            try:
                spec, schedule = resolve(label.preset, task, {**everywhere, **changes})
            except SpecError as error:
                if _elsewhere(label):
                    skipped.append(Meaningless(label.ablation, label.arm, task, str(error)))
                    continue
                raise UsageError(f"{where}: {_placed(label)} on {task} is no consistent setting: {error}") from None
            _check_named(label, where, task, spec, schedule)
            run_id = identity.run_id(spec, schedule, task, every, episodes)
            cell = Cell(task, "", run_id, spec, schedule, every, episodes, sweep.env_steps, label, final)
            same = arms.setdefault((label.ablation or str(label), cell.run_id), label)
            if same != label and same.baseline:
                skipped.append(Meaningless(label.ablation, label.arm, task, f"it is what {label.preset} is"))
                continue
            _check_trainable(cell, where, trained, sweep.seeds)
            _check_distinct(same, where, cell)
            for implementation in sweep.implementations:
                yield cell._replace(implementation=implementation)


def _check_names(sweep: Sweep, where: str, imported: Collection[str]) -> None:
    """UsageError unless all that the sweep names exists."""
    _known(where, "tasks", sweep.tasks, TASKS, "task")
    known = sorted({*implementations.registered(), *imported})
    _known(where, "implementations", sweep.implementations, known, "implementation")
    for name in sweep.implementations:
        if not re.fullmatch(NAME, name):
            raise UsageError(f"{where}: {quoted(name)} is registered under a name that can be no folder's")
    _known(where, "presets", sweep.presets, preset_names(), "preset")
    _known(where, "ablations", sweep.ablations, ablation_names(), "ablation")
    chosen = sweep.baseline or {}
    named = [chosen] if isinstance(chosen, str) else [*chosen, *chosen.values()]
    _known(where, "baseline", named, preset_names(), "preset")
    _known(where, "arms", list(sweep.arms), sweep.ablations, "ablation of this sweep")
    for name, arms in sweep.arms.items():
        beside = [arm.name for arm in load_ablation(name).arms[1:]]
        _known(where, f"arms.{name}", arms, beside, f"arm of {name} beside its baseline")


def _variants(sweep: Sweep) -> Iterator[tuple[Label, Changes]]:
    """The labels of the sweep's presets and arms, with what each changes in its preset."""
    for name in sweep.presets:
        yield Label(name), {}
    for name in sweep.ablations:
        ablation = load_ablation(name)
        chosen = sweep.baseline or {}
        preset = chosen if isinstance(chosen, str) else chosen.get(ablation.baseline, ablation.baseline)
        kept = sweep.arms.get(name, [arm.name for arm in ablation.arms])
        for n, arm in enumerate(ablation.arms):
            if n == 0 or arm.name in kept:
                yield Label(preset, name, arm.name, tuple(arm.levels.items()), baseline=n == 0), arm.changes


def _placed(label: Label) -> str:
    """A label, with the file and line of an arm."""
    return f"{label} ({arm_place(label.ablation, label.arm)})" if label.ablation else str(label)


def _check_named(label: Label, where: str, task: str, spec: Spec, schedule: Schedule) -> None:
    """UsageError if an arm's name is a value that it does not have."""
    if not label.ablation:
        return
    ablation = load_ablation(label.ablation)
    arm = next(one for one in ablation.arms if one.name == label.arm)
    if contradiction := ablation.belied(arm, spec, schedule):
        of = f"the baseline's, {label.preset}" if label.baseline else "the arm's"
        raise UsageError(
            f"{where}: {_placed(label)} is named by a value that is not {of}: on {task} {contradiction}; "
            "name it by what it is"
        )


def _check_trainable(cell: Cell, where: str, trained: list[str], seeds: Sequence[int]) -> None:
    """UsageError unless every implementation that is trained here can train this and be evaluated so."""
    label, spec, schedule = cell.label, cell.spec, cell.schedule
    if trained and cell.evaluation_episodes > spec.batch_size:
        raise UsageError(f"{where}.evaluate.episodes must not exceed the batch size, {spec.batch_size}")
    least = TASKS[cell.task].time_limit
    if schedule.insert == "episode_end" and schedule.learn_after < least:
        raise UsageError(
            f"{where}: {label} has nothing to learn from before an episode has ended: learn_after must be at least "
            f"{least} on {cell.task}"
        )
    for name in trained:
        entry, kind = implementations.registered()[name], type(spec).__name__
        if kind not in entry.targets:
            raise UsageError(f"{where}: {name} cannot train {label} on {cell.task}: it has no engine for a {kind}")
        if not entry.trainer or not isinstance(spec, SacSpec):
            continue
        trainer = load_implementation(name)
        takes = getattr(trainer, "SEEDS", entry.seeds)
        if (seed := next((one for one in seeds if one not in takes), None)) is not None:
            raise UsageError(f"{where}.seeds: {name} takes seeds from {takes[0]} to {takes[-1]}, so not {seed}")
        with brought.sentence(f"supports of {name}", entry.module):
            reason = refusal(trainer, spec, schedule, cell.evaluate_every)
        if not isinstance(reason, str | None):
            raise UsageError(f"{name} answers by {quoted(reason)} what it supports; it must be None or a sentence")
        if reason:
            of = f" (preset {label.preset})" if label.ablation else ""
            raise UsageError(f"{where}: {name} cannot train {label}{of} on {cell.task}: {reason}")


def _check_distinct(same: Label, where: str, cell: Cell) -> None:
    """UsageError if another arm of the ablation, `same`, is the very same run."""
    label = cell.label
    if same.arm != label.arm:
        raise UsageError(
            f"{where}: arms {same.arm} and {label.arm} of {label.ablation} are one and the same on {cell.task} "
            f"with the baseline {label.preset}; choose another baseline"
        )


def _elsewhere(label: Label) -> bool:
    """Whether a label is an arm beside a baseline that a sweep chose, and not its ablation."""
    return bool(label.ablation) and not label.baseline and load_ablation(label.ablation).baseline != label.preset


def _known(where: str, key: str, names: list[str], choices: Collection[str], what: str) -> None:
    """UsageError for a name that is not among the choices."""
    for n, name in enumerate(names):
        if name not in choices:
            at = f"{where}.{key}" + (f"[{n}]" if key not in ("baseline", "arms") else "")
            raise UsageError(f"{at} is {quoted(name)}, which is no {what}; did you mean {nearest(name, choices)}?")

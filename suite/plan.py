"""The plan: which runs a config asks for, where their files lie, and what they will cost. Nothing else knows paths.

Imported by the Snakefile, so it stays light: no framework, no pandas.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import ablations as ablations_package
import implementations
from implementations import presets as presets_package
from suite import DEFAULT_CONFIG, UsageError, identity, nearest, references
from suite.ablation import Ablation, Changes
from suite.config import Config, Sweep, load
from suite.contract import Job
from suite.guest import refusal
from suite.schedule import Schedule
from suite.spec import SacSpec, SpecError
from suite.tasks import TASKS

RECORD = "runs/{cell}/s{seed}-{env_steps}.parquet"
WORK = ".work/{cell}/s{seed}"
"""Where a run's record lies, and its folder of checkpoints and logs, under the results folder."""

ANY_CELL = "[^/]+/[^/]+/[0-9a-f]{10}"
"""What {cell} may be (task/implementation/run_id); without it Snakemake tries every way of cutting a path."""


class Label(NamedTuple):
    """A name under which a study asks for a run: a preset's, or an ablation's arm's."""

    preset: str
    ablation: str  # "" for a plain preset
    arm: str
    levels: dict[str, str]
    baseline: bool

    def __str__(self) -> str:
        return f"{self.ablation}/{self.arm}" if self.ablation else self.preset


class Cell(NamedTuple):
    """Runs that differ only in their seed: one task, implementation and resolved spec, at one budget."""

    task: str
    implementation: str
    run_id: str
    spec: SacSpec
    schedule: Schedule
    evaluate_every: int
    evaluation_episodes: int
    env_steps: int
    variant: str  # the first label that asked for it
    preset: str  # and the preset that label starts from

    @property
    def path(self) -> str:
        """Its folder: what its runs have in common."""
        return f"{self.task}/{self.implementation}/{self.run_id}"

    def job(self, seeds: tuple[int, ...], study: str, declaration: str) -> Job:
        """What a training process needs to know of this cell and the seeds it trains."""
        own = self._asdict()
        origin = {"study": study, "variant": own.pop("variant"), "preset": own.pop("preset")}
        return Job(**own, seeds=seeds, origin=origin | {"declaration": declaration})


class Planned(NamedTuple):
    """One run: a cell, a seed, and the record it must leave."""

    cell: Cell
    seed: int
    record: str


class Block(NamedTuple):
    """A Snakemake rule of training: its name, the seeds that one process trains, and a pattern of the cells."""

    name: str
    seeds: list[int] | list[str]  # or the wildcard that stands for each one alone
    cells: str


class Plan:
    """What one config asks for.

    runs: every distinct run by its record's path; labels: (task, implementation, label) -> its cell and seeds.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.study = self.path.stem
        self.config: Config = load(self.path)
        try:
            references.gates(self.config.check.gate)
        except UsageError as mistake:
            raise UsageError(f"{self.path}: {mistake}") from None
        self.imported = frozenset(self.config.imported)
        for i, name in enumerate(self.config.imported):
            if name in implementations.registered():
                raise UsageError(
                    f"{self.path}: imported[{i}] is {name!r}, which the suite trains; give it another name"
                )
        self.runs: dict[str, Planned] = {}
        self.labels: dict[tuple[str, str, str], tuple[Label, Cell, list[int]]] = {}
        self.ablations: dict[str, Ablation] = {}
        budgets: dict[tuple[str, str, str, int], int] = {}
        first: dict[tuple[str, str, str], Label] = {}
        for i, sweep in enumerate(self.config.sweeps):
            where = f"{self.path}: sweeps[{i}]"
            for cell, label in self._cells(sweep, where):
                key = cell.task, cell.implementation, cell.run_id
                asked = first.setdefault(key, label)
                cell = cell._replace(variant=str(asked), preset=asked.preset)
                named = self.labels.setdefault((cell.task, cell.implementation, str(label)), (label, cell, []))
                if named[1] != cell:
                    raise UsageError(
                        f"{where} gives {label} on {cell.task} another meaning (or budget) than an earlier sweep; "
                        "a study may use a name once"
                    )
                named[2].extend(seed for seed in sweep.seeds if seed not in named[2])
                for seed in sweep.seeds:
                    if budgets.setdefault((*key, seed), cell.env_steps) != cell.env_steps:
                        raise UsageError(f"{where} asks for seed {seed} of {label} on {cell.task} at a second budget")
                    record = self.record(cell, seed)
                    self.runs.setdefault(record, Planned(cell, seed, record))

    def _cells(self, sweep: Sweep, where: str) -> Iterator[tuple[Cell, Label]]:
        """The cells of one sweep, each under a label."""
        _known(where, "tasks", sweep.tasks, TASKS, "task")
        known = {*implementations.registered(), *self.imported}
        _known(where, "implementations", sweep.implementations, sorted(known), "implementation")
        trained = [name for name in sweep.implementations if name not in self.imported]
        _known(where, "presets", sweep.presets, preset_names(), "preset")
        _known(where, "ablations", sweep.ablations, ablation_names(), "ablation")
        if sweep.baseline:
            _known(where, "baseline", [sweep.baseline], preset_names(), "preset")
        wanted: list[tuple[Label, Changes]] = [(Label(name, "", "", {}, False), {}) for name in sweep.presets]
        for name in sweep.ablations:
            ablation = self.ablations[name] = load_ablation(name)
            preset = sweep.baseline or ablation.baseline
            for n, arm in enumerate(ablation.arms):
                wanted.append((Label(preset, name, arm.name, arm.levels, n == 0), arm.changes))
        for task in sweep.tasks:
            arms: dict[tuple[str, str], str] = {}
            for label, changes in wanted:
                try:
                    spec, schedule = resolve(label.preset, task, changes)
                except SpecError as error:
                    raise UsageError(f"{where}: {label} on {task} is no consistent setting: {error}") from None
                if trained and sweep.evaluate.episodes > spec.batch_size:
                    raise UsageError(f"{where}.evaluate.episodes must not exceed the batch size, {spec.batch_size}")
                every, episodes = sweep.evaluate.every, sweep.evaluate.episodes
                if reason := _nothing_to_learn_from(schedule, task):
                    raise UsageError(f"{where}: {label} {reason}")
                for name in trained:
                    if implementations.registered()[name].trainer and (
                        reason := refusal(implementations.load(name), spec, schedule, every)
                    ):
                        of = f" (preset {label.preset})" if label.ablation else ""
                        raise UsageError(f"{where}: {name} cannot train {label}{of} on {task}: {reason}")
                run_id = identity.run_id(spec, schedule, task, every, episodes)
                same = arms.setdefault((label.ablation or str(label), run_id), label.arm)
                if same != label.arm:
                    raise UsageError(
                        f"{where}: arms {same} and {label.arm} of {label.ablation} are one and the same on {task} "
                        f"with the baseline {label.preset}; choose another baseline"
                    )
                for implementation in sweep.implementations:
                    yield (
                        Cell(
                            *(task, implementation, run_id, spec, schedule),
                            *(every, episodes, sweep.env_steps, str(label), label.preset),
                        ),
                        label,
                    )

    # --- where things lie

    def record(self, cell: Cell, seed: int) -> str:
        """The path of a run's record."""
        return f"{self.config.results}/{RECORD.format(cell=cell.path, seed=seed, env_steps=cell.env_steps)}"

    def work(self, cell: Cell, seed: int) -> Path:
        """The folder of a run's checkpoints, progress and logs; it does not depend on the budget."""
        return Path(self.config.results, WORK.format(cell=cell.path, seed=seed))

    @property
    def declaration(self) -> dict[str, object]:
        """What the study declares before it has results: margins and the anchors they are shares of, levels, families
        of questions; plain data."""
        own = self.config.model_dump(include={"check", "equivalence", "families", "report"})
        return own | {"anchors": references.anchors_digest()}

    @property
    def declaration_id(self) -> str:
        """The SHA-256 of the declaration, as hex: what a report quotes."""
        return hashlib.sha256(identity.canonical(self.declaration).encode()).hexdigest()

    @property
    def study_dir(self) -> Path:
        return Path(self.config.results, "studies", self.study)

    @property
    def report_dir(self) -> Path:
        return Path(self.config.reports, self.study)

    @property
    def cells(self) -> list[Cell]:
        """Every distinct cell, in the order first asked for."""
        return list({run.cell[:3]: run.cell for run in self.runs.values()}.values())

    def blocks(self, size: int) -> list[Block]:
        """Who trains together: seeds of one cell, at most `size` to a process. Every run that is not imported is in
        exactly one block.

        A package trains its seeds alone, and so does a schedule that each seed's episodes move.
        """
        if not isinstance(size, int) or size < 1:
            raise UsageError(
                f"seeds_per_job is {size!r}; it must be a whole number from 1, as in --config seeds_per_job=10"
            )
        trained = [run for run in self.runs.values() if run.cell.implementation not in self.imported]
        if size == 1:
            others = "".join(f"(?!{re.escape(name)}/)" for name in sorted(self.imported))
            return [Block("run", ["{seed}"], ANY_CELL.replace("+/", f"+/{others}", 1))] if trained else []
        of_cell: dict[tuple[str, int, int], list[int]] = {}
        for run in trained:
            trainer = implementations.registered()[run.cell.implementation].trainer
            own_size = size if run.cell.schedule.lockstep and not trainer else 1
            of_cell.setdefault((run.cell.path, run.cell.env_steps, own_size), []).append(run.seed)
        cells: dict[tuple[int, ...], list[str]] = {}
        for (cell, _, own_size), seeds in of_cell.items():
            for start in range(0, len(seeds), own_size):
                cells.setdefault(tuple(seeds[start : start + own_size]), []).append(cell)
        names = {seeds: "run_" + "_".join(map(str, seeds)) for seeds in cells}
        return [Block(names[seeds], list(seeds), "|".join(map(re.escape, own))) for seeds, own in cells.items()]

    def check_writable(self) -> None:
        """UsageError if the results or reports folder cannot be written to; creates nothing."""
        for key in ("results", "reports"):
            folder = Path(getattr(self.config, key))
            if there := obstacle(folder):
                raise UsageError(f"{self.path}: {key} is {str(folder)!r}, but {there} is not a folder one may write to")

    def check_imported(self) -> None:
        """UsageError if an imported record is not there: no sweep can make it."""
        own = [run.record for run in self.runs.values() if run.cell.implementation in self.imported]
        if absent := [record for record in own if not Path(record).exists()]:
            raise UsageError(
                f"{self.path}: {len(absent)} of {len(own)} imported records are missing, the first is {absent[0]}; "
                "python -m suite import makes them"
            )

    def check_environments(self) -> None:
        """UsageError if a run that is still to be made needs a package, or its own environment, that is not there."""
        engines = dict.fromkeys(run.cell.implementation for run in self.runs.values())
        for name in (name for name in engines if name not in self.imported):
            entry = implementations.registered()[name]
            own = (run.record for run in self.runs.values() if run.cell.implementation == name)
            if not entry.trainer or all(Path(record).exists() for record in own):
                continue
            if entry.environment:
                if not (entry.environment / "ready").exists():
                    raise UsageError(f"{name} needs its own environment: make {entry.environment.name}/ready")
                continue
            for package in implementations.load(name).PACKAGES:
                try:
                    metadata.version(package)
                except metadata.PackageNotFoundError:
                    raise UsageError(
                        f"{name} needs {package}, which is not installed here: pip install {package}"
                    ) from None


def obstacle(folder: Path) -> Path | None:
    """What keeps one from writing into a folder, which need not exist yet; None if nothing does. Creates nothing."""
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return None if there.is_dir() and os.access(there, os.W_OK | os.X_OK) else there


def for_snakemake(configfiles: list[str], settings: dict) -> tuple[Plan, list[Block]]:
    """The plan of the last config file (without one, the paper's) and its blocks; a mistake ends the process."""
    try:
        study = Plan(os.path.relpath(configfiles[-1]) if configfiles else DEFAULT_CONFIG)
        study.check_writable()
        study.check_imported()
        study.check_environments()
        return study, study.blocks(settings.get("seeds_per_job", 1))
    except UsageError as mistake:
        print(f"error: {mistake}", file=sys.stderr, flush=True)
        os._exit(2)  # before Snakemake wraps the sentence into a traceback; nothing has been started


def code_files() -> list[str]:
    """The suite's own source: what gather, statistics, figures and report depend on besides data.

    Frozen baselines are none of it: they are compared with on request alone.
    """
    folders = ("suite", "implementations", "ablations", "reports/templates")
    files = (file for folder in folders for file in (identity.ROOT / folder).rglob("*"))
    kept = (file for file in files if file.suffix in (".py", ".j2", ".csv", ".yaml", ".json"))
    kept = (file for file in kept if file.parent.name != "baselines")
    return sorted(str(file) for file in kept)


# --- presets and ablations by name


def preset_names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(presets_package.__path__)]


def ablation_names() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(ablations_package.__path__)]


def load_preset(name: str) -> ModuleType:
    """The module with SPEC, SCHEDULE, PER_TASK and SOURCES of a preset; UsageError for an unknown name."""
    if name not in preset_names():
        raise UsageError(f"there is no preset {name!r}; did you mean {nearest(name, preset_names())}?")
    return importlib.import_module(f"implementations.presets.{name}")


def load_ablation(name: str) -> Ablation:
    """The ablation of that file name; UsageError for an unknown name."""
    if name not in ablation_names():
        raise UsageError(f"there is no ablation {name!r}; did you mean {nearest(name, ablation_names())}?")
    return importlib.import_module(f"ablations.{name}").ABLATION


@cache
def _resolved(preset: str, task: str) -> tuple[SacSpec, Schedule]:
    module = load_preset(preset)
    return with_changes(module.SPEC, module.SCHEDULE, module.PER_TASK.get(task, {}))


def resolve(preset: str, task: str, changes: Changes) -> tuple[SacSpec, Schedule]:
    """A preset's spec and schedule on a task, with an arm's changes on top; SpecError if they contradict each other."""
    return with_changes(*_resolved(preset, task), changes)


def with_changes(spec: SacSpec, schedule: Schedule, changes: Changes) -> tuple[SacSpec, Schedule]:
    """Both tableaux with the named fields replaced, wherever they are at home."""
    homes = {field.name: kind for kind in (SacSpec, Schedule) for field in dataclasses.fields(kind)}
    for name in changes:
        if name not in homes:
            raise SpecError(f"{name} is no field of SacSpec or Schedule; did you mean {nearest(name, homes)}?")
    for_spec = {name: value for name, value in changes.items() if homes[name] is SacSpec}
    for_schedule = {name: value for name, value in changes.items() if homes[name] is Schedule}
    return dataclasses.replace(spec, **for_spec), dataclasses.replace(schedule, **for_schedule)


def _nothing_to_learn_from(schedule: Schedule, task: str) -> str | None:
    """Why the first update would find no transition, or None."""
    least = TASKS[task].time_limit
    if schedule.insert == "step" or schedule.learn_after >= least:
        return None
    return f"has nothing to learn from before an episode has ended: learn_after must be at least {least} on {task}"


def _known(where: str, key: str, names: list[str], choices: object, what: str) -> None:
    for n, name in enumerate(names):
        if name not in choices:
            at = f"{where}.{key}" + (f"[{n}]" if key != "baseline" else "")
            raise UsageError(f"{at} is {name!r}, which is no {what}; did you mean {nearest(name, choices)}?")


# --- what it will cost

GFLOP_PER_S = {"torch": 50.0, "jax": 55.0}
"""Single-core float32 rate of matrix products in an update at 256 x 256; an engine not named is taken as torch."""
UPDATE_OVERHEAD_S = {"torch": 1.2e-3, "jax": 0.3e-3}
"""Per update beside its products: dispatch, element-wise work, optimisers; measured at hidden 64 x 64."""
ENV_STEP_S = {"Pendulum": 5e-5, "Inverted": 6e-5, "Reacher": 9e-5, "Humanoid": 3e-4, "Ant": 2.4e-4}
"""One environment step by family, measured on one core; the other MuJoCo tasks take about 1.5e-4."""


class Forecast(NamedTuple):
    """What a run is expected to cost on one core: seconds, and bytes on disk while it runs."""

    seconds: float
    work_bytes: int


def update_flop(spec: SacSpec, obs_dim: int, action_dim: int) -> float:
    """Useful matrix FLOPs of one update: 2 per multiply-add; forward 1, backward 2 (1 where only inputs need it)."""

    def products(inputs: int, outputs: int) -> int:
        widths = (inputs, *spec.hidden, outputs)
        return sum(a * b for a, b in pairwise(widths))

    actor = products(obs_dim, 2 * action_dim)
    critic = spec.critics * products(obs_dim + action_dim, 1)
    value = products(obs_dim, 1) if spec.value_net else 0
    critic_stage = 3 * critic + (value if spec.value_net else actor + critic)
    actor_stage = 3 * actor + 2 * critic
    value_stage = 3 * value + (critic if spec.value_net else 0)
    return 2.0 * spec.batch_size * (critic_stage + actor_stage + value_stage)


def forecast(cell: Cell) -> Forecast:
    """The expected cost of one run of a cell on one core (a quiet one: a factor of two is no surprise)."""
    task, spec, schedule = TASKS[cell.task], cell.spec, cell.schedule
    env_step = next((cost for family, cost in ENV_STEP_S.items() if cell.task.startswith(family)), 1.5e-4)
    learning = max(cell.env_steps - schedule.learn_after, 0) / schedule.update_every * schedule.updates_per_burst
    engine = cell.implementation if cell.implementation in GFLOP_PER_S else "torch"
    products = update_flop(spec, task.obs_dim, task.action_dim) / (GFLOP_PER_S[engine] * 1e9)
    update = products + UPDATE_OVERHEAD_S[engine]
    evaluations = cell.env_steps // cell.evaluate_every * cell.evaluation_episodes * task.time_limit
    seconds = learning * update + cell.env_steps * (env_step + 1e-4) + evaluations * (env_step + 2e-5) + 4
    rows = min(schedule.replay_capacity, cell.env_steps) * 4 * (2 * task.obs_dim + task.action_dim + 2)
    return Forecast(seconds, rows)

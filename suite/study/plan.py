"""The plan: which runs a config asks for, where their files lie, and what they will cost. Nothing else knows paths.

Imported by the Snakefile, so it stays light: no framework, no pandas.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import implementations
from suite.errors import UsageError, nearest
from suite.lab.tasks import TASKS
from suite.published import anchors, comparability
from suite.sac import identity
from suite.sac.ablation import Ablation, Changes
from suite.sac.contract import refusal
from suite.sac.schedule import Schedule
from suite.sac.spec import SpecError
from suite.specimens.catalogue import ablation_names, load_ablation, preset_names, resolve, user_ablation_files
from suite.study.cells import ANY_CELL, RECORD, WORK, Block, Cell, Label, Planned
from suite.study.config import DEFAULT_CONFIG, Config, Sweep, load


class Plan:
    """What one config asks for.

    runs: every distinct run by its record's path; labels: (task, implementation, label) -> its cell and seeds.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.study = self.path.stem
        self.config: Config = load(self.path)
        try:
            comparability.gates(self.config.check.gate)
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
        return own | {"anchors": anchors.anchors_digest()}

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
    """What gather, statistics, figures and report depend on besides data: the suite's source, and the user's ablations.

    Frozen baselines are none of it: they are compared with on request alone.
    """
    folders = ("suite", "implementations", "ablations")
    files = (file for folder in folders for file in (identity.ROOT / folder).rglob("*"))
    kept = (file for file in files if file.suffix in (".py", ".j2", ".csv", ".yaml", ".json"))
    kept = (file for file in kept if file.parent.name != "baselines")
    return sorted(str(file) for file in (*kept, *user_ablation_files()))


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

"""The plan: which runs a config asks for, where their files lie, and what they will cost. Nothing else knows paths.

Imported by the Snakefile, so it stays light: no framework, no pandas.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import implementations
from suite.errors import UsageError, nearest
from suite.lab.tracking import check_installed
from suite.published import comparability
from suite.sac import identity
from suite.sac.ablation import Ablation
from suite.sac.source import ROOT, file_digest
from suite.specimens.catalogue import load_ablation, load_implementation, questions, user_ablation_files
from suite.study import declaration, rules
from suite.study.cells import RECORD, WORK, Asked, Cell, Label, Planned
from suite.study.config import DEFAULT_CONFIG, MOST_RUNS, Config, Sweep, load
from suite.study.sweeps import FAST, Meaningless, cells_of, part_of

SPECIAL = re.compile(r"^~|[{}$`\x00-\x1f\x7f\ud800-\udfff]|:/")
"""What no path may hold, however well it is quoted: wildcards, what a cluster's shell expands, an address, no text."""


class Plan:
    """What one config asks for.

    runs: every distinct run by its record's path; labels: (task, implementation, the label's key) -> what it asks for.
    records: all that the caller wants to know of; runs on other tasks, or of other implementations, are left out.
    results: where the records lie, if not where the config says.
    """

    def __init__(self, path: Path, records: Sequence[str] = (), results: str = ""):
        self.path = Path(path)
        self.study = self.path.stem
        self.config: Config = load(self.path)
        if results:
            self.config = self.config.model_copy(update={"results": results})
        self.study_dir = Path(self.config.results, "studies", self.study)
        self.report_dir = Path(self.config.reports, self.study)
        check_place("the config", self.path)
        for key in ("results", "reports"):
            check_place(f"{self.path}: {key}", Path(getattr(self.config, key)), self.study)
        try:
            comparability.gates(self.config.check.gate)
        except UsageError as mistake:
            raise UsageError(f"{self.path}: {mistake}") from None
        self.imported = frozenset(self.config.imported)
        for i, name in enumerate(self.config.imported):
            if name in implementations.registered():
                where = f"{self.path}: imported[{i}]"
                raise UsageError(f"{where} is {name!r}, which the suite trains; give it another name")
        self.runs: dict[str, Planned] = {}
        self.labels: dict[tuple[str, str, tuple[str, str]], Asked] = {}
        self.ablations: dict[str, Ablation] = {}
        self.meaningless: list[Meaningless] = []
        self._budgets: dict[tuple[tuple[str, str, str], int], tuple[int, int | None]] = {}
        self._first: dict[tuple[str, str, str], Label] = {}
        precision = FAST if self.config.precision == "fast" else {}
        for i, sweep in enumerate(self.config.sweeps):
            where = f"{self.path}: sweeps[{i}]"
            named, sweep = sweep.ablations, sweep.model_copy(update={"ablations": questions(sweep.ablations)})
            skipped: list[Meaningless] = []
            cells = list(
                cells_of(part_of(sweep, records) if records else sweep, where, self.imported, skipped, precision)
            )
            _check_asked(where, named, cells, skipped)
            self.meaningless += skipped
            _check_size(where, len({cell.key for cell in cells}), len(sweep.seeds), MOST_RUNS - len(self.runs))
            for cell in cells:
                self._add(cell, sweep.seeds, where)
            self.ablations |= {name: load_ablation(name) for name in sweep.ablations}

    def _add(self, cell: Cell, seeds: list[int], where: str) -> None:
        """Plans a cell's runs, under the label it bears; UsageError if an earlier sweep used the name otherwise."""
        label = cell.label
        cell = cell._replace(label=self._first.setdefault(cell.key, label))
        asked = self.labels.setdefault((cell.task, cell.implementation, label.key), Asked(label, cell, []))
        if asked.cell != cell:
            raise UsageError(
                f"{where} gives {label} on {cell.task} another meaning (or budget) than an earlier sweep; "
                "a study may use a name once"
            )
        asked.seeds[:] = dict.fromkeys((*asked.seeds, *seeds))
        for seed in seeds:
            asked_for = cell.env_steps, cell.final_episodes
            known = self._budgets.setdefault((cell.key, seed), asked_for)
            if known != asked_for:
                what = "at a second budget" if known[0] != cell.env_steps else "with another number of final episodes"
                raise UsageError(f"{where} asks for seed {seed} of {label} on {cell.task} {what}")
            record = self.record(cell, seed)
            self.runs.setdefault(record, Planned(cell, seed, record))

    # --- where things lie

    def record(self, cell: Cell, seed: int) -> str:
        """The path of a run's record."""
        return str(Path(self.config.results, RECORD.format(cell=cell.path, seed=seed, env_steps=cell.env_steps)))

    def work(self, cell: Cell, seed: int) -> Path:
        """The folder of a run's checkpoints, progress and logs; it does not depend on the budget."""
        return Path(self.config.results, WORK.format(cell=cell.path, seed=seed))

    def waiting(self, run: Planned) -> Path:
        """Where a record lies until all of its job's runs have one: Snakemake deletes what a failed job has made."""
        return self.work(run.cell, run.seed) / Path(run.record).name

    @property
    def made_of(self) -> Path:
        """The file by which gather says what it made the tables of, besides records; its name tells the content of all.

        So these are made again where the config, the code or an ablation reads differently, whatever its time.
        """
        digests = "".join(file_digest(file) for file in (self.path, *code_files()))
        return self.study_dir / f"made_of-{hashlib.sha256(digests.encode()).hexdigest()[:10]}.txt"

    @property
    def declaration(self) -> dict[str, object]:
        """What the study declares before it has results: margins, questions, presets, and what it runs."""
        return declaration.contents(self)

    @property
    def declaration_id(self) -> str:
        """The SHA-256 of the declaration, as hex: what a report quotes."""
        return hashlib.sha256(identity.canonical(self.declaration).encode()).hexdigest()

    @property
    def cells(self) -> list[Cell]:
        """Every distinct cell, in the order first asked for."""
        return list({run.cell.key: run.cell for run in self.runs.values()}.values())

    def check_writable(self) -> None:
        """UsageError if the results or reports folder cannot be written to; creates nothing."""
        for key in ("results", "reports"):
            folder = Path(getattr(self.config, key))
            if blocking := obstacle(folder):
                place = f"{self.path}: {key} is {str(folder)!r}"
                raise UsageError(f"{place}, but {blocking} is not a folder one may write to")

    def check_imported(self) -> None:
        """UsageError if an imported record is not there: no sweep can make it."""
        records = [run.record for run in self.runs.values() if run.cell.implementation in self.imported]
        if absent := [record for record in records if not Path(record).exists()]:
            raise UsageError(
                f"{self.path}: {len(absent)} of {len(records)} imported records are missing, the first is {absent[0]}; "
                "python -m suite import makes them"
            )

    def check_environments(self) -> None:
        """UsageError if a run that is still to be made needs what is not there: a package, its own environment, or that
        an implementation of others can be imported."""
        engines = dict.fromkeys(run.cell.implementation for run in self.runs.values())
        for name in (name for name in engines if name not in self.imported):
            entry = implementations.registered()[name]
            records = (run.record for run in self.runs.values() if run.cell.implementation == name)
            sound = implementations.ours(name) and not entry.trainer
            if sound or all(Path(record).exists() for record in records):
                continue
            if entry.environment:
                if not (entry.environment / "ready").exists():
                    raise UsageError(f"{name} needs its own environment: make {entry.environment.name}/ready")
                continue
            loaded = load_implementation(name)
            for package in loaded.PACKAGES if entry.trainer else ():
                try:
                    metadata.version(package)
                except metadata.PackageNotFoundError:
                    sentence = f"{name} needs {package}, which is not installed here: pip install {package}"
                    raise UsageError(sentence) from None


def _check_asked(where: str, named: Sequence[str], cells: Sequence[Cell], skipped: Sequence[Meaningless]) -> None:
    """UsageError if every arm of an ablation that a sweep names, not by a tag, means nothing with its baseline."""
    asked = {cell.label.ablation for cell in cells if not cell.label.baseline}
    for one in skipped:
        if one.ablation in named and one.ablation not in asked:
            raise UsageError(
                f"{where}: no arm of {one.ablation} means anything with its baseline: {one.arm} on {one.task} does "
                f"not, for {one.why}; choose another baseline"
            )


def _check_size(where: str, cells: int, seeds: int, left: int) -> None:
    """UsageError if a sweep's cells with their seeds are more runs than are left to a study."""
    if cells * seeds > left:
        raise UsageError(
            f"{where} asks for {cells * seeds:,} runs, {seeds:,} seeds of each of {cells} cells; a study has at most "
            f"{MOST_RUNS:,} runs, so that {left // cells:,} seeds are the most here"
        )


def obstacle(folder: Path) -> Path | None:
    """What keeps one from writing into a folder, which need not exist yet; None if nothing does. Creates nothing."""
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return None if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK) else nearest


def check_place(what: str, path: Path, *below: str) -> None:
    """UsageError if files cannot lie at a path, or what is below it, because of how it is spelt. Creates nothing."""
    whole = str(path.absolute())
    if spelt := SPECIAL.search(str(path)) or SPECIAL.search(whole):
        meaning = f"{spelt[0]!r} means something to Snakemake or to a shell"
        raise UsageError(f"{what} is {str(path)!r} ({whole!r}), but {meaning}; choose another path")
    try:
        Path(path, *below).stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UsageError(f"{what} cannot be used ({error.strerror})") from None


def for_snakemake(
    configfiles: Sequence[Path], settings: Mapping[str, object], config: Mapping[str, object]
) -> tuple[Plan, list[rules.Rule]]:
    """The plan of the config file (without one, the paper's) and how it is trained; a mistake ends the process.

    settings: what --config says; every job reads the config file anew, so that it can say nothing of that. config: what
    Snakemake made of both, or what the workflow of another project says that uses this one as a module: the study's
    file, as `study`, and settings; command line and config files are then that project's.
    """
    try:
        if "study" in config and "sweeps" not in config and "study" not in settings:
            plan, settings = Plan(Path(str(config["study"]))), dict(config)
            del settings["study"]
            where = "the module's config"
        else:
            plan, where = Plan(_one_file(configfiles)), "--config"
        _check_settings(plan, settings, where)
        plan.check_writable()
        plan.check_imported()
        plan.check_environments()
        check_installed(plan.config.tracking)
        return plan, rules.of_training(plan, settings)
    except UsageError as mistake:
        _refuse(mistake)


def _one_file(configfiles: Sequence[Path]) -> Path:
    """The study's file, of those that Snakemake was told: it would add a second one's keys to the first, and forget a
    --configfile for a later one."""
    if len(configfiles) > 1 or sum(word.startswith("--configf") for word in sys.argv) > 1:
        raise UsageError("--configfile is given twice, and a sweep runs one study; start one for each")
    return Path(os.path.relpath(configfiles[0]) if configfiles else DEFAULT_CONFIG)


def _check_settings(plan: Plan, settings: Mapping[str, object], where: str) -> None:
    """UsageError for settings that say what the study's file alone says, or that mean nothing."""
    for key in settings:
        if key in (*Config.model_fields, *Sweep.model_fields):
            raise UsageError(f"{where} sets {key!r}, which the study's file alone says; change it in {plan.path}")
        if key not in rules.SETTINGS:
            close = nearest(key, rules.SETTINGS)
            raise UsageError(f"{where} sets {key!r}, which means nothing; did you mean {close}?")


def own(plan: Plan) -> None:
    """Locks the results for the running Snakemake; another sweep that has them ends the process."""
    from suite.study.ownership import take

    try:
        take(plan)
    except UsageError as mistake:
        _refuse(mistake)


def _refuse(mistake: UsageError) -> NoReturn:
    print(f"error: {mistake}", file=sys.stderr, flush=True)
    os._exit(2)  # before Snakemake wraps the sentence into a traceback; nothing has been started


def code_files() -> list[Path]:
    """What tables and report are made of besides records and config: the suite's source, and the user's ablations.

    Frozen baselines are none of it: they are compared with on request alone.
    """
    folders = ("suite", "implementations", "ablations")
    files = (file for folder in folders for file in (ROOT / folder).rglob("*"))
    kept = (file for file in files if file.suffix in (".py", ".j2", ".csv", ".yaml", ".json"))
    return sorted((*(file for file in kept if file.parent.name != "baselines"), *user_ablation_files()))

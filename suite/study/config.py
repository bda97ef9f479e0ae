"""Configs: WHAT a study runs, as YAML checked by a typed model; every mistake is one sentence naming file and key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from suite.errors import UsageError, nearest


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _seeds(value: Any) -> Any:
    """A count means the seeds from 0; a list means itself."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        return value
    if value > MOST_RUNS:  # before a list of them is made
        raise PydanticCustomError("too_many", f"must be at most {MOST_RUNS:,}, the most runs of a study")
    return list(range(value))


def _several(value: Any) -> Any:
    """A word means the list of it alone."""
    return [value] if isinstance(value, str) else value


def _off(value: Any) -> Any:
    """YAML 1.1 reads a bare `off` as false."""
    return "off" if value is False else value


DEFAULT_CONFIG = "config/paper.yaml"  # the study that is meant where none is named
MOST_RUNS = 100_000  # of a study: what Snakemake can still plan, in minutes
NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"  # what an imported implementation may be called: it is a folder's name

Names = Annotated[list[str], Field(min_length=1)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], BeforeValidator(_seeds), Field(min_length=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Evaluate(Section):
    """When and how long to evaluate: every so many environment steps, so many episodes; more at the end of the budget.

    final_episodes: the last evaluation's and further ones, for scores with less of evaluation's luck. They are no part
    of a run's identity: what is trained already is not trained again for them.
    """

    every: Annotated[int, Field(gt=0)]
    episodes: Annotated[int, Field(gt=0)] = 10
    final_episodes: Annotated[int, Field(gt=0)] | None = None


class Sweep(Section):
    """A block of runs: every task x implementation x (preset or arm) x seed, at one budget."""

    tasks: Names
    env_steps: Annotated[int, Field(gt=0)]
    evaluate: Evaluate
    seeds: Seeds
    implementations: Names
    presets: list[str] = []
    ablations: list[str] = []
    baseline: str | None = None  # a preset to put in the place of the ablations' own baseline


class Check(Section):
    """The regression check: margin as a share of (published - random policy); level of the two-sided interval.

    gate: what `check --gate` may fail on. "default" is what suite/published names, where published seeds agree enough
    to decide; "all", "none", a task ("Hopper-v5", "Hopper-*") or a task at a step ("HalfCheetah-v5@100_000"), or
    several of these.
    """

    margin: Share = 0.10
    confidence: Share = 0.90
    gate: Annotated[list[str], BeforeValidator(_several), Field(min_length=1)] = ["default"]


class Equivalence(Section):
    """When two implementations of one preset count as the same: what is held against their difference.

    margin and sensitivity (the margins shown beside it) are shares of (reference - random policy); superiority is how
    far P(A > B) must lie from one half to be called a difference; after: the share of the budget from which on the
    band of the curves' difference must lie inside the margin.
    """

    margin: Share = 0.10
    sensitivity: list[Share] = [0.05, 0.15, 0.20]
    superiority: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    confidence: Share = 0.90
    after: Annotated[float, Field(ge=0, lt=1)] = 0.2


Method = Literal["holm", "bh", "by", "hommel", "bonferroni"]


class Families(Section):
    """Which questions are asked together, and how the p-values of each such family are adjusted for their number."""

    equivalence: Method = "holm"
    regression: Method = "holm"
    ablation: Method = "holm"
    exploratory: Method = "bh"


class Report(Section):
    """The statistics: level of the intervals, resamples of the bootstrap, seed of the report."""

    confidence: Share = 0.95
    resamples: Annotated[int, Field(ge=100)] = 50_000
    seed: Annotated[int, Field(ge=0)] = 0


class Execution(Section):
    """What may differ between machines without changing a number."""

    checkpoint_seconds: Annotated[float, Field(gt=0)] = 600.0
    keep_checkpoints: bool = False
    accept_stale: bool = False  # let results of other code into the averages (they stay flagged)
    time_limit_hours: Annotated[float, Field(gt=0)] | None = None  # of a training process, all its attempts together


class Tracking(Section):
    """Weights & Biases: off, offline (files in the work folders) or online."""

    mode: Annotated[Literal["off", "offline", "online"], BeforeValidator(_off)] = "off"
    project: str = "sac-suite"


class Config(Section):
    """A study; its name is the file's stem."""

    sweeps: Annotated[list[Sweep], Field(min_length=1)]
    imported: list[Annotated[str, Field(pattern=f"^{NAME}$")]] = []  # implementations whose records are made elsewhere
    check: Check = Check()
    equivalence: Equivalence = Equivalence()
    families: Families = Families()
    report: Report = Report()
    execution: Execution = Execution()
    tracking: Tracking = Tracking()
    results: str = "results"
    reports: str = "reports"


def load(path: Path) -> Config:
    """The config at `path`; UsageError with one sentence if it cannot be read or asks for what there is not."""
    path = Path(path)
    try:
        text = path.read_text()
    except OSError as error:
        siblings = [str(other) for other in sorted(Path("config").glob("*.yaml"))]
        hint = f"; did you mean {nearest(path, siblings)}?" if siblings else ""
        raise UsageError(f"config {path} cannot be read ({error.strerror}){hint}") from None
    try:
        data = yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} must hold a mapping with the key 'sweeps', not {type(data).__name__}")
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")  # a misspelling explains more
        raise UsageError(_sentence(path, first)) from None
    _check(path, config)
    return config


def _check(path: Path, config: Config) -> None:
    """UsageError for what is of the right type and makes no sense."""
    _check_once(f"{path}: imported", config.imported)
    _check_once(f"{path}: equivalence.sensitivity", config.equivalence.sensitivity)
    for i, sweep in enumerate(config.sweeps):
        where, every = f"{path}: sweeps[{i}]", sweep.evaluate.every
        for key in ("tasks", "seeds", "implementations", "presets", "ablations"):
            _check_once(f"{where}.{key}", getattr(sweep, key))
        if not sweep.presets and not sweep.ablations:
            raise UsageError(f"{where} names neither presets nor ablations, so there is nothing to run")
        if sweep.baseline and not sweep.ablations:
            raise UsageError(f"{where}.baseline is of no use without ablations; remove it or name ablations")
        final = sweep.evaluate.final_episodes
        if final is not None and final <= sweep.evaluate.episodes:
            raise UsageError(
                f"{where}.evaluate.final_episodes is {final}, which is no more than evaluate.episodes "
                f"{sweep.evaluate.episodes}; give more, or leave it out"
            )
        if sweep.env_steps % every:
            nearest_budget = max(sweep.env_steps // every, 1) * every
            raise UsageError(
                f"{where}.env_steps is {sweep.env_steps}, which is no multiple of evaluate.every {every}; the nearest "
                f"is {nearest_budget}"
            )


def _check_once(where: str, values: Sequence[object]) -> None:
    """UsageError if one of the values is given twice."""
    if len(set(values)) < len(values):
        twice = next(value for n, value in enumerate(values) if value in values[:n])
        raise UsageError(f"{where} names {twice!r} twice; name it once")


def _sentence(path: Path, error: ErrorDetails) -> str:
    """One sentence for one of pydantic's complaints."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    where, value = "".join(parts).removeprefix("."), error["input"]
    if error["type"] == "extra_forbidden":
        *parent, key = error["loc"]
        return f"{path}: {where} is no key of a config; did you mean {nearest(key, _fields(parent))}?"
    if error["type"] == "missing":
        return f"{path}: {where} is missing; it must be given"
    if error["type"] == "literal_error":
        choices = [choice.strip("' ") for choice in error["ctx"]["expected"].replace(" or ", ",").split(",")]
        return f"{path}: {where} is {value!r}, which is no valid choice; did you mean {nearest(value, choices)}?"
    expected = error["msg"].replace("Input should be ", "must be ").replace("List should ", "must ")
    return f"{path}: {where} {expected}, not {value!r}"


def _fields(loc: Sequence[int | str]) -> list[str]:
    """The keys a section at `loc` may have."""
    model: Any = Config
    for part in loc:
        if not isinstance(part, int):
            annotation = model.model_fields[part].annotation
            model = annotation.__args__[0] if hasattr(annotation, "__args__") else annotation
    return list(model.model_fields)


class _UniqueKeys(yaml.SafeLoader):
    """YAML that refuses a key given twice, which PyYAML would quietly let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for n, key in enumerate(keys):
            if key in keys[:n]:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)

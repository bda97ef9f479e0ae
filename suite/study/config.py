"""Configs: WHAT a study runs, as YAML checked by a typed model; every mistake is one sentence naming file and key."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from suite.errors import UsageError, nearest, quoted
from suite.lab.tracking import TRACKINGS, Tracking


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _seeds(value: Any) -> Any:
    """A count means the seeds from 0; a list means itself."""
    if isinstance(value, list):
        return value
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise PydanticCustomError("no_seeds", "must be a number of seeds from 1, or a list of them")
    if value > MOST_RUNS:  # before a list of them is made
        raise PydanticCustomError("too_many", f"must be at most {MOST_RUNS:,}, the most runs of a study")
    return list(range(value))


def _several(value: Any) -> Any:
    """A word means the list of it alone."""
    return [value] if isinstance(value, str) else value


def _rising(values: list[int]) -> list[int]:
    if sorted(set(values)) != values:
        raise PydanticCustomError("order", "must rise, each a number of seeds")
    return values


def _one_word(value: Any) -> Any:
    """YAML 1.1 reads a bare `off` as false; a mapping is what tracking was before it was a word."""
    if isinstance(value, dict):
        new = MODES.get(str(value.get("mode", "off")), "off")
        project = "; WANDB_PROJECT in the environment names the project" if "project" in value else ""
        words = f"must be one word of {', '.join(TRACKINGS)}: here 'tracking: {new}'{project}"
        raise PydanticCustomError("one_word", words)  # type: ignore[arg-type]
    return "off" if value is False else value


MODES = {"off": "off", "False": "off", "offline": "wandb-offline", "online": "wandb"}
"""What was written as tracking's mode, and its word now."""

DEFAULT_CONFIG = "config/paper.yaml"  # the study that is meant where none is named
MOST_RUNS = 100_000  # of a study: what Snakemake can still plan, in minutes
MOST_BYTES = 2**20  # of a config: all these runs can be named in it one by one
NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"  # what an imported implementation may be called: it is a folder's name

Names = Annotated[list[str], Field(min_length=1)]
Count = Annotated[int, Field(gt=0, le=10**12)]  # of steps or episodes; nothing goes on for longer
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Seeds = Annotated[list[Seed], BeforeValidator(_seeds), Field(min_length=1)]
Look = Annotated[int, Field(ge=2, le=1000)]
Folder = Annotated[str, Field(min_length=1)]  # how it may be spelt: plan.check_place
Share = Annotated[float, Field(gt=0, lt=1)]


class Evaluate(Section):
    """When and how long to evaluate: every so many environment steps, so many episodes; more at the end of the budget.

    final_episodes: the last evaluation's and further ones, for scores with less of evaluation's luck. They are no part
    of a run's identity: what is trained already is not trained again for them.
    """

    every: Count
    episodes: Count = 10
    final_episodes: Count | None = None


class Sweep(Section):
    """A block of runs: every task x implementation x (preset or arm) x seed, at one budget."""

    tasks: Names
    env_steps: Count
    evaluate: Evaluate
    seeds: Seeds
    implementations: Names
    presets: list[str] = []
    ablations: list[str] = []  # by name, by tag ("core"), or "all"
    arms: dict[str, Names] = {}  # of these ablations these arms alone, beside their baselines
    baseline: str | dict[str, str] | None = None  # a preset in the place of the ablations' own baselines, or of each


class Check(Section):
    """The regression check: margin as a share of (published - random policy); level of the two-sided interval.

    gate: what `check --gate` may fail on. "default" is what suite/published names, where published seeds agree enough
    to decide; "all", "none", a task ("Hopper-v5", "Hopper-*") or a task at a step ("HalfCheetah-v5@100_000"), or
    several of these. looks: after how many seeds, in their order, a gated row may be decided; one number is a gate of
    so many seeds.
    """

    margin: Share = 0.10
    confidence: Share = 0.90
    gate: Annotated[list[str], BeforeValidator(_several), Field(min_length=1)] = ["default"]
    looks: Annotated[list[Look], AfterValidator(_rising), Field(min_length=1)] = [3, 5, 7, 10]


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
    resamples: Annotated[int, Field(ge=100, le=10_000_000)] = 50_000
    seed: Seed = 0


class Execution(Section):
    """What may differ between machines without changing a number."""

    checkpoint_seconds: Annotated[float, Field(gt=0)] = 600.0
    keep_checkpoints: bool = False
    accept_stale: bool = False  # let results of other code into the averages (they stay flagged)
    time_limit_hours: Annotated[float, Field(gt=0)] | None = None  # of a training process, all its attempts together


class Config(Section):
    """A study; its name is the file's stem."""

    sweeps: Annotated[list[Sweep], Field(min_length=1)]
    imported: list[Annotated[str, Field(pattern=f"^{NAME}$", max_length=100)]] = []  # whose records are made elsewhere
    precision: Literal["fast"] | None = None  # every run's products between hidden layers in bfloat16
    check: Check = Check()
    equivalence: Equivalence = Equivalence()
    families: Families = Families()
    report: Report = Report()
    execution: Execution = Execution()
    tracking: Annotated[Tracking, BeforeValidator(_one_word)] = "off"  # where evaluations are mirrored
    results: Folder = "results"
    reports: Folder = "reports"


def load(path: Path) -> Config:
    """The config at `path`; UsageError with one sentence if it cannot be read or asks for what there is not."""
    path = Path(path)
    text = read(path)
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {_place(error)}") from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply for a config: is a bracket left open?") from None
    if not isinstance(data, dict):
        what = "nothing" if data is None else type(data).__name__
        raise UsageError(f"{path} must hold a mapping with the key 'sweeps', not {what}")
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")  # a misspelling explains more
        raise UsageError(_sentence(path, first)) from None
    _check(path, config)
    return config


def read(path: Path) -> str:
    """The text of a config; UsageError if it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"config {path} cannot be read: it is no file")
        if path.stat().st_size > MOST_BYTES:
            size = f"{path.stat().st_size:,} bytes, and a config has at most {MOST_BYTES:,}"
            raise UsageError(f"config {path} has {size}; a number under 'seeds' means so many seeds from 0")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"config {path} cannot be read, line {line} is not in UTF-8; save it in UTF-8") from None
    except (OSError, ValueError) as error:
        siblings = [str(other) for other in sorted(Path("config").glob("*.yaml"))]
        hint = f"; did you mean {nearest(path, siblings)}?" if siblings else ""
        raise UsageError(f"config {path} cannot be read ({getattr(error, 'strerror', error)}){hint}") from None


def _place(error: yaml.YAMLError) -> str:
    """What YAML complains of, and where, in a line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    problem = ", ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None))))
    return f"{problem}, in line {mark.line + 1}, column {mark.column + 1}"


def _check(path: Path, config: Config) -> None:
    """UsageError for what is of the right type and makes no sense."""
    _check_once(f"{path}: imported", config.imported)
    _check_once(f"{path}: equivalence.sensitivity", config.equivalence.sensitivity)
    if config.precision and config.imported:
        raise UsageError(
            f"{path}: precision is of runs that are trained here, and imported ones are not; leave one out"
        )
    first: dict[str, int] = {}
    for i, sweep in enumerate(config.sweeps):
        where, every = f"{path}: sweeps[{i}]", sweep.evaluate.every
        if first.setdefault(repr(sweep), i) != i:
            raise UsageError(f"{where} is sweeps[{first[repr(sweep)]}] once more; remove one of them")
        for key in ("tasks", "seeds", "implementations", "presets", "ablations"):
            _check_once(f"{where}.{key}", getattr(sweep, key))
        if not sweep.presets and not sweep.ablations:
            raise UsageError(f"{where} names neither presets nor ablations, so there is nothing to run")
        for key in ("baseline", "arms"):
            if getattr(sweep, key) and not sweep.ablations:
                raise UsageError(f"{where}.{key} is of no use without ablations; remove it or name ablations")
        for name, arms in sweep.arms.items():
            _check_once(f"{where}.arms.{name}", arms)
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


def _check_once(where: str, values: Iterable[Hashable]) -> None:
    """UsageError if one of the values is given twice."""
    seen: set[Hashable] = set()
    for value in values:
        if value in seen:
            raise UsageError(f"{where} names {quoted(value)} twice; name it once")
        seen.add(value)


def _sentence(path: Path, error: ErrorDetails) -> str:
    """One sentence for one of pydantic's complaints."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    where, value = "".join(parts).removeprefix("."), error["input"]
    if error["type"] == "extra_forbidden":
        *parent, key = error["loc"]
        return f"{path}: {where} is no key of a config; did you mean {nearest(key, _fields(parent))}?"
    if error["type"] == "missing":
        return f"{path}: {where} is missing; it must be given"
    if error["type"] == "too_short":
        return f"{path}: {where} must not be empty"
    if error["type"] == "literal_error":
        choices = [choice.strip("' ") for choice in error["ctx"]["expected"].replace(" or ", ",").split(",")]
        return f"{path}: {where} is {quoted(value)}, which is no valid choice; did you mean {nearest(value, choices)}?"
    if error["type"] == "model_type":
        return f"{path}: {where} must be a mapping of {', '.join(_fields(error['loc']))}, not {quoted(value)}"
    expected = error["msg"].replace("Input should be ", "must be ").replace("List should ", "must ")
    return f"{path}: {where} {expected}, not {quoted(value)}"


def _fields(loc: Sequence[int | str]) -> list[str]:
    """The keys a section at `loc` may have."""
    model: Any = Config
    for part in loc:
        if not isinstance(part, int):
            annotation = model.model_fields[part].annotation
            model = annotation.__args__[0] if hasattr(annotation, "__args__") else annotation
    return list(model.model_fields)


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, which PyYAML would quietly let the last one win, and says where a value is
    not what its tag or its form says, for which PyYAML has an exception of any kind."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[Hashable] = set()
        for part, _ in node.value:
            key = self.construct_object(part, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise _misread(f"key {quoted(key)} is given twice", part)
            seen |= {key} if isinstance(key, Hashable) else set()
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError):
            what = node.value if isinstance(node.value, str) else "this"
            raise _misread(f"{quoted(what)} is no {node.tag.rpartition(':')[2]}", node) from None


def _misread(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

"""The regression check: every cell of a study against every published result of the same settings.

A row is one cell at one published step against one reference; its verdict is its own. The p values of all rows that are
no mere advice are adjusted for each other (the family "regression"), and what `--gate` fails on must survive that.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from suite import UsageError, identity, nearest
from suite import references as published
from suite.identity import Difference
from suite.inference import Declared
from suite.plan import resolve
from suite.records import atomic
from suite.references import Anchor, BrokenReference, Reference, gates, trailing_mean
from suite.schedule import Schedule
from suite.spec import SacSpec
from suite.statistics import compare, curves, equivalence, failures, multiplicity
from suite.statistics.compare import summary
from suite.statistics.equivalence import FAIL, INCONCLUSIVE, PASS, SUSPICIOUSLY_BETTER
from suite.statistics.failures import FAILED, curve_at_floor
from suite.verdicts import sentence

SCHEME = {
    *("temperature", "critics", "target_reduce", "actor_reduce", "value_net", "entropy_in_target"),
    "evaluation_action",
}
"""Switches whose other choice makes another algorithm or another measurement: such a cell is not compared at all."""
ADVISED = 2
"""A cell that differs in at most so many other switches is compared as advice: shown with them, never deciding.

With more it is a setting of its own (another network, other rates) and not compared either.
"""
FAMILY = "regression"
_CELL = ["task", "implementation", "variant", "run_id"]
NOTHING = 3
"""The exit code where there is nothing to compare, or nothing to gate."""


class Settings(NamedTuple):
    """What a run's numbers depend on beside its task: the update, and how it meets the environment."""

    spec: SacSpec
    schedule: Schedule


class Sample(NamedTuple):
    """A cell's window means at one step: one per run that has one, in the order of seeds, and what became of the rest.

    missing: runs without a result; failed: of the values, those that count at the random policy's return from where
    they stopped; planned: all of them.
    """

    values: np.ndarray
    seeds: tuple[int, ...]
    failed: int
    missing: int
    planned: int


def check(
    tables: Mapping[str, pd.DataFrame],
    references: Sequence[Reference],
    random_policy: Mapping[str, Anchor],
    *,
    margin: float,
    confidence: float,
    gate: Sequence[str] = ("default",),
    declared: Declared = Declared(),  # noqa: B008 - immutable
) -> list[dict]:
    """One row per cell (task, implementation, variant), comparable reference and published step within its budget.

    tables: "runs" and "evaluations" as gather writes them. margin: the tolerated loss as a fraction of the reference's
    return above the random policy's; a published step that is not above it has no margin and is left out. confidence:
    of the two-sided interval (0.90: one-sided limits at 95 %). gate: as `gates` reads it. declared: seed and draws of
    what is permuted and resampled, and how the family "regression" is adjusted.

    A diverged or crashed run counts at the random policy's return from where it stopped; a run without a result is
    missing, and a verdict must also hold with every missing run at that return, or as good as the best one.
    """
    gated, means = gates(gate), episode_means(tables["evaluations"])
    rows = []
    for cell, runs in tables["runs"].groupby(_CELL, sort=True):
        task, *_ = cell
        ours = settings_of(runs.iloc[0])
        for reference in references:
            if task not in reference.tasks:
                continue
            if task not in random_policy:
                raise BrokenReference(f"random_policy.csv: task {task} is missing; suite.references.measure adds it")
            one = _Cell(cell, runs, ours, means, random_policy[task].mean, margin, confidence, declared)
            rows += one.rows(reference)
    for row in rows:
        row["gated"] = not row["advisory"] and gated(row["task"], row["env_step"])
    adjust(rows, declared.families[FAMILY], (1 - confidence) / 2)
    return [row | {"sentence": sentence(row)} for row in rows]


def main(
    study_dir: str | Path,
    *,
    margin: float = 0.10,
    confidence: float = 0.90,
    gate: Sequence[str] = ("default",),
    declared: Declared = Declared(),  # noqa: B008 - immutable
    random_policy: Mapping[str, Anchor] | None = None,
    blind: bool = False,
) -> dict:
    """{"rows", "notes"} of a gathered study against the suite's references, which its check.json gets: a row per cell,
    reference and step, and a sentence for every cell without one.

    blind: ablations' arms are taken for their baselines, as `blinded` says; nothing is written then.
    """
    references, anchors = published.load(), published.random_policy() if random_policy is None else random_policy
    tables = gathered(study_dir)
    if blind:
        manifest = pd.read_parquet(Path(study_dir) / "manifest.parquet")
        tables = tables | {"runs": blinded(tables["runs"], manifest)}
    rows = check(tables, references, anchors, margin=margin, confidence=confidence, gate=gate, declared=declared)
    found = {"rows": rows, "notes": unmatched(tables["runs"], references, anchors, rows)}
    if not blind:
        with atomic(Path(study_dir) / "check.json") as temporary:
            temporary.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    return found


def blinded(runs: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """The runs, those of an ablation's arm with the settings of its baseline on the same task and implementation.

    An implementation that is wrong does not know it: it says it has the settings it was meant to have. An arm that
    makes a mistake on purpose so tells what the check would say of such an implementation.
    """
    cell = ["task", "implementation", "run_id"]
    arms = manifest[manifest["ablation"] != ""].drop_duplicates([*cell, "ablation", "preset"])
    meant = arms[arms["baseline"]].set_index(["task", "implementation", "ablation", "preset"])["run_id"].to_dict()
    settings = runs.drop_duplicates(cell).set_index(cell)[["spec", "schedule"]]
    runs = runs.copy()
    for arm in arms[~arms["baseline"]].itertuples():
        base = arm.task, arm.implementation, meant.get((arm.task, arm.implementation, arm.ablation, arm.preset))
        if base in settings.index:
            own = (runs[cell] == [arm.task, arm.implementation, arm.run_id]).all(axis=1)
            runs.loc[own, ["spec", "schedule"]] = settings.loc[base].to_numpy()
    return runs


def gathered(study_dir: str | Path) -> dict[str, pd.DataFrame]:
    """The tables that a check reads; UsageError if the study has not been gathered."""
    paths = {name: Path(study_dir, f"{name}.parquet") for name in ("runs", "evaluations")}
    for path in paths.values():
        if not path.exists():
            raise UsageError(f"{path} is missing: the study must be gathered first (python -m suite gather)")
    return {name: pd.read_parquet(path) for name, path in paths.items()}


# --- what may be compared


def settings_of(run: Mapping) -> Settings:
    """A run's settings from its row of the table of runs."""
    parts = {"spec": SacSpec, "schedule": Schedule}
    return Settings(*(identity.from_plain(kind, json.loads(run[name])) for name, kind in parts.items()))


def settings(preset: str, task: str, changes: Mapping[str, object]) -> Settings:
    """A preset's settings on a task with `changes` on top: field or path ("temperature.lr") -> value."""
    parts = resolve(preset, task, {})
    plain: dict = {name: value for part in parts for name, value in identity.to_plain(part).items()}
    for path, value in changes.items():
        *parents, name = path.split(".")
        home: object = plain
        for parent in parents:
            home = home.get(parent) if isinstance(home, dict) else None
        if not isinstance(home, dict) or name not in home:
            close = nearest(path, plain)
            raise BrokenReference(f"{path} is no field of the preset {preset} on {task}; did you mean {close}?")
        home[name] = identity.to_plain(value)
    return Settings(*(
        identity.from_plain(type(part), {field.name: plain[field.name] for field in dataclasses.fields(part)})
        for part in parts
    ))  # fmt: skip


def differences(ours: Settings, theirs: Settings, at: int) -> list[Difference]:
    """Every switch in which ours differ from theirs (`a`: there, `b`: here) in runs of `at` environment steps.

    Counts that differ by one step are equal (code bases count from 0 or from 1), and so are replay capacities that
    both hold all `at` steps.
    """
    found = [one for there, here in zip(theirs, ours, strict=True) for one in identity.difference(there, here)]
    return [one for one in found if not _same(one, at)]


def _same(difference: Difference, at: int) -> bool:
    if difference.field == "replay_capacity":
        return min(difference.a, at) == min(difference.b, at)
    return difference.field in ("warmup_steps", "learn_after") and abs(difference.a - difference.b) <= 1


def near(differs: Sequence[Difference]) -> bool:
    """Whether a cell that differs so much from published settings is compared at all, if only as advice."""
    return len(differs) <= ADVISED and not SCHEME & {one.field for one in differs}


def comparable(task: str, reference: Reference, at: int, floor: float) -> bool:
    """Whether a published step is one to compare with: above the random policy's return, else there is no margin, and
    of an environment that stands for the task by then."""
    return reference.summaries[at].mean > floor and published.comparable(task, reference.environment, at)


def unmatched(
    runs: pd.DataFrame, references: Sequence[Reference], random_policy: Mapping[str, Anchor], rows: Sequence[dict]
) -> list[str]:
    """A sentence for every cell without a row: what keeps it from the nearest published result of its task."""
    met = {tuple(row[name] for name in _CELL) for row in rows}
    return [
        f"{cell[0]}, {cell[1]} {cell[2]}: {_kept_apart(cell[0], own, references, random_policy)}"
        for cell, own in runs.groupby(_CELL, sort=True)
        if cell not in met
    ]


def _kept_apart(
    task: str, runs: pd.DataFrame, references: Sequence[Reference], random_policy: Mapping[str, Anchor]
) -> str:
    ours, of_task = settings_of(runs.iloc[0]), [one for one in references if task in one.tasks]
    if not of_task:
        return "of this task nothing is published in suite/references."
    candidates = [
        (reference, at, differences(ours, settings(preset, task, changes), at))
        for reference in of_task
        for preset, changes in reference.presets.items()
        for at in sorted(reference.summaries)
    ]
    if not candidates:
        return "what is published of this task has the settings of no preset."
    reference, _, differs = min(candidates, key=_distance)
    fields = [one.field for one in differs]
    if foreign := [field for field in fields if field in SCHEME]:
        return f"nearest is {reference.name}, another algorithm or measurement ({', '.join(foreign)})."
    if not near(differs):
        away = f"{len(fields)} switches away ({', '.join(fields)})"
        return f"nearest is {reference.name}, {away}; at most {ADVISED} may differ."
    floor = random_policy[task].mean
    steps = [(at, one.name) for one, at, found in candidates if near(found) and comparable(task, one, at, floor)]
    if not steps:
        return f"nearest is {reference.name}, of which no step's environment and return may be compared (versions.csv)."
    (first, name), ends, every = min(steps), runs["env_steps"].max(), runs["evaluate_every"].min()
    if ends < first:
        return f"nearest is {name}, from {first:,} environment steps on; these runs end at {ends:,}."
    return f"its runs are evaluated every {every:,} environment steps, and at no published step before that."


def _distance(candidate: tuple[Reference, int, list[Difference]]) -> tuple[int, int, str]:
    reference, _, differs = candidate
    return len(SCHEME & {one.field for one in differs}), len(differs), reference.name


# --- our runs


def episode_means(episodes: pd.DataFrame) -> dict[tuple, pd.Series]:
    """Mean return per evaluation (index: environment step), by task, implementation, run_id, kind of action, seed."""
    keys = ["task", "implementation", "run_id", "kind", "seed"]
    means = episodes.drop_duplicates([*keys, "env_step", "episode"]).groupby([*keys, "env_step"])["return"]
    return {run: curve.droplevel(keys) for run, curve in means.mean(skipna=False).groupby(level=keys)}


def sample(runs: pd.DataFrame, means: Mapping[tuple, pd.Series], at: int, floor: float) -> Sample:
    """The window means of a cell's runs at step `at`, of those that are planned to get there."""
    chosen = _one_per_seed(runs[(runs["env_steps"] >= at) & (runs["evaluate_every"] <= at)])
    kind = "mean" if kind_of_return(runs) == "deterministic" else "sample"
    values = np.array([_window_mean(run, kind, means, at, floor) for run in chosen], dtype=float)
    present = np.isfinite(values)
    failed = sum(run.status in FAILED for run, there in zip(chosen, present, strict=True) if there)
    seeds = tuple(int(run.seed) for run, there in zip(chosen, present, strict=True) if there)
    return Sample(values[present], seeds, failed, int((~present).sum()), len(chosen))


def kind_of_return(runs: pd.DataFrame) -> str:
    """Of the rows of one cell: "deterministic" or "sampled" evaluations, or "training" returns."""
    told = [kind for kind in runs.get("kind_of_return", ()) if kind]  # a run without a record tells none
    sampled = json.loads(runs["schedule"].iloc[0])["evaluation_action"] == "sample"
    return told[0] if told else "sampled" if sampled else "deterministic"


def _one_per_seed(planned: pd.DataFrame) -> list:
    """One planned run per seed: a finished one if there is one, else a failed one, and of several the longest."""
    rank = np.select(
        [planned["stale"].astype(bool), planned["status"] == "finished", planned["status"].isin(FAILED)], [2, 0, 1], 2
    )
    ordered = planned.assign(rank=rank).sort_values(["seed", "rank", "env_steps"], ascending=[True, True, False])
    return list(ordered.drop_duplicates("seed").itertuples())


def _window_mean(run, kind: str, means: Mapping[tuple, pd.Series], at: int, floor: float) -> float:
    """The run's trailing window mean at step `at`; NaN where it has no result. kind: of action."""
    if run.stale or run.status not in ("finished", *FAILED):
        return math.nan
    curve = means.get((run.task, run.implementation, run.run_id, kind, run.seed), pd.Series(dtype=float))
    if run.status in FAILED:
        known = curve.index[curve.index <= at].to_numpy(dtype=int)
        after = np.arange(max(known, default=0) + run.evaluate_every, at + 1, run.evaluate_every)
        grid = np.concatenate([known, after])
        stopped_at = next((step for step in (run.stopped_at, run.last_env_step) if pd.notna(step)), 0)
        values = curve_at_floor(curve.reindex(grid), grid, stopped_at, floor)
        curve = pd.Series(np.where(np.isfinite(values), values, floor), grid)
    return trailing_mean(curve.index, curve.to_numpy(), at, run.evaluate_every)[0]


# --- one cell against one reference


class _Cell(NamedTuple):
    """A cell with all that its rows need beside the reference."""

    cell: tuple[str, str, str, str]
    runs: pd.DataFrame
    ours: Settings
    means: Mapping[tuple, pd.Series]
    floor: float
    margin: float
    confidence: float
    declared: Declared

    def rows(self, reference: Reference) -> list[dict]:
        """The rows against one reference; the last also bears the comparison of whole curves, where there is one."""
        theirs = [settings(preset, self.cell[0], changes) for preset, changes in reference.presets.items()]
        rows, samples = [], {}
        for at in sorted(reference.summaries):
            found = [differences(self.ours, one, at) for one in theirs]
            met = [one for one in found if near(one)]
            if met and comparable(self.cell[0], reference, at, self.floor):
                ours = sample(self.runs, self.means, at, self.floor)
                if ours.planned:
                    samples[at] = ours
                    rows.append(self.row(reference, at, ours, min(met, key=len)))
        if rows:
            rows[-1]["curve"] = self.curve(reference, samples)
        return rows

    def row(self, reference: Reference, at: int, ours: Sample, differs: list[Difference]) -> dict:
        values, there = ours.values, _published(reference, at)
        allowed = self.margin * (there[0] - self.floor)
        alone = there[1] is None
        advice = list(reference.advisory)
        if alone and not advice:  # else what it says of itself explains it: a single agent, no spread
            advice.append("a number without a spread")
        if (kind := kind_of_return(self.runs)) != reference.kind_of_return and reference.kind_of_return != "unstated":
            advice.append(f"returns are {kind} here, {reference.kind_of_return} there")
        advice += [f"{one.field} is {one.b} here, {one.a} there" for one in differs]
        judge = predicted if alone else judged
        return {
            **dict(zip(("task", "implementation", "variant", "run_id"), self.cell, strict=True)),
            "reference": reference.name,
            "citation": reference.citation,
            "caveat": reference.caveat,
            "env_step": at,
            "ours": told(ours),
            "published": dict(zip(("mean", "sd", "n"), there, strict=True))
            | {"values": list(reference.values.get(at, ()))},
            "basis": "a number" if alone else "runs" if at in reference.values else "mean and spread",
            "random_policy": self.floor,
            **judge(values, ours.missing, there, self.floor, allowed, self.confidence),
            "margin": allowed,
            "confidence": self.confidence,
            "advisory": bool(advice),
            "advice": advice,
            "differs": [one.field for one in differs],
            "curve": None,
        }

    def curve(self, reference: Reference, samples: Mapping[int, Sample]) -> dict | None:
        """Whether the curves of window means differ over all steps at once; None where there are no curves.

        max-t permutes whole curves; the band of the difference needs 5 runs on both sides, and its verdict must hold
        with the missing runs at the random policy's return and as good as the best, like that of a row.
        """
        steps = [at for at in samples if at in reference.values]
        steps = [at for at in steps if len(reference.values[at]) == len(reference.values[steps[-1]]) >= 2]
        if len(steps) < 2:
            return None
        last = samples[steps[-1]]
        seeds = [seed for seed in last.seeds if all(seed in samples[at].seeds for at in steps)]
        if len(seeds) < 2:
            return None
        by_step = [dict(zip(samples[at].seeds, samples[at].values, strict=True)) for at in steps]
        ours = np.array([[one[seed] for one in by_step] for seed in seeds])
        theirs = np.array([reference.values[at] for at in steps]).T
        margin = self.margin * (theirs.mean(axis=0) - self.floor)
        key = ("check", *self.cell, reference.name)
        tested = compare.max_t(ours, theirs, rng=self.declared.rng(*key, "max-t"))
        first, missing = int(np.argmin(tested.p_adjusted)), last.planned - len(seeds)
        found = {
            "steps": steps, "n": [len(ours), len(theirs)], "missing": missing,
            "p": float(tested.p_adjusted[first]), "env_step": steps[first], "assignments": tested.assignments,
            "difference": (ours.mean(axis=0) - theirs.mean(axis=0)).tolist(), "margin": margin.tolist(),
            "low": None, "high": None, "verdict": None, "note": "",
        }  # fmt: skip
        bands = []
        for filled in fillings(ours, missing, self.floor):
            try:
                bands.append(curves.difference_band(
                    filled, theirs, self.confidence, self.declared.curve_resamples, self.declared.rng(*key, "band")
                ))  # fmt: skip
            except ValueError as refusal:
                return found | {"note": str(refusal)}
        verdict, _ = standing([equivalence.band_non_inferiority(band, margin) for band in bands])
        return found | {"low": bands[0].low.tolist(), "high": bands[0].high.tolist(), "verdict": verdict}


def _published(reference: Reference, at: int) -> tuple[float, float | None, int]:
    """Mean, sample SD (None: unknown, or of a single run) and number of the published runs."""
    if len(reference.values.get(at, ())) >= 2:
        return summary(reference.values[at])
    told = reference.summaries[at]
    return told.mean, told.sd if (told.n or 0) >= 2 else None, told.n


def told(ours: Sample) -> dict:
    """A sample as a row tells it."""
    values = ours.values
    return {
        "mean": float(values.mean()) if len(values) else None,
        "sd": float(values.std(ddof=1)) if len(values) >= 2 else None,
        "n": len(values),
        "n_finished": len(values) - ours.failed,
        "n_failed": ours.failed,
        "n_missing": ours.missing,
        "n_planned": ours.planned,
        "values": values.tolist(),
    }


def fillings(values: np.ndarray, missing: int, floor: float) -> list[np.ndarray]:
    """Values [runs] or curves [runs, T] as they are and, where runs are missing, with all these at the floor (the
    worst run, if lower), and with all as good as the best."""
    if not missing:
        return [values]
    absent = np.full((missing, *values.shape[1:]), math.nan)
    return [values, *failures.apply(np.concatenate([values, absent]), "bounds", floor)]


def standing(verdicts: Sequence[str]) -> tuple[str, str | None]:
    """The verdict that no missing run could overturn, and the one that was held back for it.

    verdicts: of the runs there are, then of every filling. One that is better than PASS is also a PASS.
    """
    first = verdicts[0]
    if set(verdicts) == {first}:
        return first, None
    if set(verdicts) == {PASS, SUSPICIOUSLY_BETTER}:
        return PASS, None
    return INCONCLUSIVE, first if first != INCONCLUSIVE else None


def judged(values, missing: int, there: tuple, floor: float, allowed: float, confidence: float) -> dict:
    """The verdicts' fields of a row against a published mean with its spread.

    p: of the hypothesis that more than the margin is lost (small: PASS); p_fail: of the one that no more is (small:
    FAIL), see `compare.loss_p`; with missing runs either is the largest that these could have made it.
    """
    difference = float(values.mean()) - there[0] if len(values) else None
    if len(values) < 2:
        return _UNDECIDED | {"difference": difference}
    samples = [summary(filled) for filled in fillings(values, missing, floor)]
    tests = [equivalence.non_inferiority_from_summary(one, there, allowed, confidence) for one in samples]
    alike = [equivalence.tost_from_summary(one, there, allowed, confidence) for one in samples]
    verdict, held_back = standing([test.verdict for test in tests])
    both_ways, kept = standing([test.verdict for test in alike])
    return {
        **_UNDECIDED,
        **tests[0]._asdict(),
        "verdict": verdict,
        "held_back": held_back,
        "n_needed": len(values) + missing if held_back else tests[0].n_needed,
        "p": max(test.p for test in tests),
        "p_fail": max(compare.loss_p(one, there, allowed) for one in samples),
        "equivalence": {
            "verdict": both_ways,
            "p": max(test.p for test in alike),
            "n_needed": len(values) + missing if kept else alike[0].n_needed,
        },
    }


def predicted(values, missing: int, there: tuple, floor: float, allowed: float, confidence: float) -> dict:
    """The same against a published number without a spread: one more run of ours in the place of a mean.

    The interval is the prediction's, so it is wide, and there is no p: such a row is advice.
    """
    difference = float(values.mean()) - there[0] if len(values) else None
    if len(values) < 2:
        return _UNDECIDED | {"difference": difference}
    found = [
        equivalence.prediction_check(summary(filled), there[0], confidence)
        for filled in fillings(values, missing, floor)
    ]
    ends = [(one.low - there[0], one.high - there[0]) for one in found]
    verdict, held_back = standing([_verdict(low, high, allowed) for low, high in ends])
    low, high = ends[0]
    interval = {"difference": difference, "low": low, "high": high, "inside": found[0].inside}
    return _UNDECIDED | interval | {"verdict": verdict, "held_back": held_back}


_UNDECIDED = {
    "verdict": INCONCLUSIVE,
    **dict.fromkeys(("difference", "low", "high", "df", "n_needed", "held_back", "inside")),
    **dict.fromkeys(("p", "p_fail", "equivalence")),
}


def _verdict(low: float, high: float, allowed: float) -> str:
    if low > allowed:
        return SUSPICIOUSLY_BETTER
    return PASS if low > -allowed else FAIL if high < -allowed else INCONCLUSIVE


# --- what the gate fails on


def adjust(rows: Iterable[dict], method: str, level: float) -> None:
    """Puts beside every row p_adjusted and p_fail_adjusted, over all rows that are no advice, and `fails`.

    A row fails the gate if it is gated, its verdict is FAIL, and its p_fail is below `level` after adjustment: with
    "holm" no more than that share of studies fails at all, however many rows lose exactly the margin.
    """
    rows = list(rows)
    family = [row for row in rows if not row["advisory"] and row["p"] is not None]
    adjusted = {name: multiplicity.adjust(np.array([row[name] for row in family]), method) for name in ("p", "p_fail")}
    for row in rows:
        row |= {"p_adjusted": None, "p_fail_adjusted": None, "family": None, "family_size": None, "fails": False}
    for i, row in enumerate(family):
        p, p_fail = (float(adjusted[name][i]) for name in ("p", "p_fail"))
        row |= {"p_adjusted": p, "p_fail_adjusted": p_fail, "family": FAMILY, "family_size": len(family)}
        row["fails"] = bool(row["gated"] and row["verdict"] == FAIL and p_fail < level)


def failing(rows: Sequence[dict]) -> list[dict]:
    """The rows that fail the gate."""
    return [row for row in rows if row["fails"]]


def exit_code(rows: Sequence[dict], gate: bool) -> int:
    """0; 1 with the gate and a row that fails it; 3 where nothing is comparable, or nothing of it gated."""
    if not rows or (gate and not any(row["gated"] for row in rows)):
        return NOTHING
    return 1 if gate and failing(rows) else 0

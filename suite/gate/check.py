"""The regression check: every cell of a study against every published result of the same settings.

A row is one cell at one published step against one reference; its verdict is its own. The p values of all rows that are
no mere advice are adjusted for each other (the family "regression"), and what `--gate` fails on must survive that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from suite.analysis.declared import Declared
from suite.files import atomic
from suite.gate.outcome import FAMILY, adjust
from suite.gate.settings import Settings, blinded, differences, near, settings_of, settings_of_preset
from suite.gate.unmatched import comparable, unmatched
from suite.gate.verdict import fillings, judged, predicted, standing
from suite.gate.window_means import Sample, episode_means, gathered, kind_of_return, sample, told
from suite.gate.wording import sentence
from suite.published import anchors as anchors_module
from suite.published import reading
from suite.published.anchors import Anchor
from suite.published.comparability import gates
from suite.published.csv_tables import BrokenReference
from suite.published.references import Reference
from suite.sac.identity import Difference
from suite.statistics import curves, equivalence
from suite.statistics import two_samples as compare
from suite.statistics.two_samples import summary
from suite.study.cells import CELL_COLUMNS


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
    for cell, runs in tables["runs"].groupby(CELL_COLUMNS, sort=True):
        task, *_ = cell
        ours = settings_of(runs.iloc[0])
        for reference in references:
            if task not in reference.tasks:
                continue
            if task not in random_policy:
                raise BrokenReference(
                    f"random_policy.csv: task {task} is missing; python -m suite.published.measure adds it"
                )
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
    references, anchors = reading.load(), anchors_module.random_policy() if random_policy is None else random_policy
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
        theirs = [settings_of_preset(preset, self.cell[0], changes) for preset, changes in reference.presets.items()]
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

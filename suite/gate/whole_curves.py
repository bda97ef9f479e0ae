"""A cell's curve of window means against a published one, over all published steps at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from suite.analysis.check_rows import CheckCurve, CheckVerdict
from suite.analysis.declared import Declared
from suite.gate.verdict import completions, robust_verdict
from suite.gate.window_means import Sample
from suite.published.references import Reference
from suite.statistics import curves, equivalence, two_samples
from suite.study.config import Check


def compare_curves(
    reference: Reference,
    samples: Mapping[int, Sample],
    floor: float,
    options: Check,
    declared: Declared,
    stream: tuple[str, ...],
) -> CheckCurve | None:
    """Whether the curves of window means differ over all steps at once; None where there are no curves.

    samples: by published step. max-t permutes whole curves; the band of the difference needs 5 runs on both sides, and
    its verdict must hold with the missing runs at the random policy's return and as good as the best, like that of a
    row. stream: names the random streams.
    """
    steps = _steps(reference, samples)
    seeds = _seeds(samples, steps)
    if len(steps) < 2 or len(seeds) < 2:
        return None
    ours = _curves(samples, steps, seeds)
    theirs = np.array([reference.values[at] for at in steps]).T
    margin = options.margin * (theirs.mean(axis=0) - floor)
    missing = samples[steps[-1]].planned - len(seeds)
    curve = _tested(steps, ours, theirs, margin, missing, declared.rng(*stream, "max-t"))
    level, resamples = options.confidence, declared.curve_resamples

    def band_of(completed: np.ndarray) -> curves.Band:  # every completion is resampled with the same random numbers
        return curves.difference_band(completed, theirs, level, resamples, declared.rng(*stream, "band"))

    try:
        bands = [band_of(completed) for completed in completions(ours, missing, floor)]
    except ValueError as refusal:
        return replace(curve, note=str(refusal))
    verdict = robust_verdict([equivalence.band_non_inferiority(band, margin) for band in bands]).verdict
    low, high = (tuple(end.tolist()) for end in (bands[0].low, bands[0].high))
    return replace(curve, low=low, high=high, verdict=cast(CheckVerdict, verdict))


def _tested(
    steps: list[int], ours: np.ndarray, theirs: np.ndarray, margin: np.ndarray, missing: int, rng: np.random.Generator
) -> CheckCurve:
    """The curve's row before its band: max-t over all steps."""
    tested = two_samples.max_t(ours, theirs, rng=rng)
    first = int(np.argmin(tested.p_adjusted))
    return CheckCurve(
        steps=tuple(steps),
        n=(len(ours), len(theirs)),
        missing=missing,
        p=float(tested.p_adjusted[first]),
        env_step=steps[first],
        assignments=tested.assignments,
        difference=tuple((ours.mean(axis=0) - theirs.mean(axis=0)).tolist()),
        margin=tuple(margin.tolist()),
    )


def _steps(reference: Reference, samples: Mapping[int, Sample]) -> list[int]:
    """The steps at which as many runs are published as at the last one, at least two."""
    steps = [at for at in samples if at in reference.values]
    return [at for at in steps if len(reference.values[at]) == len(reference.values[steps[-1]]) >= 2]


def _seeds(samples: Mapping[int, Sample], steps: list[int]) -> list[int]:
    """The seeds with a window mean at every step."""
    if not steps:
        return []
    return [seed for seed in samples[steps[-1]].seeds if all(seed in samples[at].seeds for at in steps)]


def _curves(samples: Mapping[int, Sample], steps: list[int], seeds: list[int]) -> np.ndarray:
    """Window means [seeds, steps]."""
    by_step = [dict(zip(samples[at].seeds, samples[at].values, strict=True)) for at in steps]
    return np.array([[values[seed] for values in by_step] for seed in seeds])

"""Derive a source's table from its published evaluations: `python -m suite.published.derive SOURCE FILE`.

FILE has the columns variant, env and step as published, and either seed and value (every evaluation of every run) or
mean and std (of all runs at every evaluation). Only the steps that the suite compares at are kept; the evaluations
themselves stay with whoever published them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pandas as pd

from suite.published.csv_tables import DATA
from suite.published.reading import Metadata, Recipe, read_metadata
from suite.published.references import Reference, ReferenceName, trailing_mean


def derive(evaluations: pd.DataFrame, metadata: Mapping[ReferenceName, Metadata]) -> pd.DataFrame:
    """The source's table at the points of its recipes [true environment steps], in reward units.

    One row per run with its trailing window mean and the number of evaluations in it; where the recipe names a kind of
    spread, one row per point with mean and SD over the runs, or with those that are published.
    """
    tables = []
    for name, (reference, recipe) in metadata.items():
        if recipe is None:
            raise ValueError(f"{name} has no recipe, so nothing can be derived")
        chosen = evaluations[(evaluations["variant"] == name.variant) & (evaluations["env"] == name.environment)]
        published = chosen.assign(env_step=chosen["step"] + recipe.added_steps)
        if "value" not in evaluations:
            tables.append(_as_drawn(published, name, recipe))
        elif recipe.spread_kind is None:
            tables.append(_window_means(published, reference, recipe))
        else:
            tables.append(_summed_up(published, reference, recipe))
    return pd.concat(tables, ignore_index=True)


def _window_means(published: pd.DataFrame, reference: Reference, recipe: Recipe) -> pd.DataFrame:
    """One row per run and point: the run's trailing window mean, and of how many evaluations."""
    if reference.evaluate_every is None:
        raise ValueError(f"{reference.name} does not say how often it was evaluated, so its windows have no width")
    rows = []
    for seed, run in published.groupby("seed"):
        for at in recipe.points:
            value, n = trailing_mean(run["env_step"], run["value"], at, reference.evaluate_every)
            rows.append((reference.variant, reference.environment, seed, at, n, round(value, 3)))
    return pd.DataFrame(rows, columns=["variant", "environment", "seed", "env_step", "evaluations", "value"])


def _summed_up(published: pd.DataFrame, reference: Reference, recipe: Recipe) -> pd.DataFrame:
    """One row per point: mean and sample SD over the runs' window means."""
    values = _window_means(published, reference, recipe).groupby("env_step")["value"]
    name = ReferenceName(reference.source, reference.variant, reference.environment)
    return _summaries(name, recipe, [(at, of.mean(), of.std(ddof=1), len(of)) for at, of in values])


def _as_drawn(published: pd.DataFrame, name: ReferenceName, recipe: Recipe) -> pd.DataFrame:
    """One row per point: mean and spread as they are published."""
    curve = published.set_index("env_step")
    return _summaries(name, recipe, [(at, *curve.loc[at, ["mean", "std"]], recipe.runs) for at in recipe.points])


def _summaries(name: ReferenceName, recipe: Recipe, points: list[tuple]) -> pd.DataFrame:
    """points: (environment step, mean, spread, number of runs) each."""
    rows = [(*name, at, round(mean, 3), round(spread, 3), recipe.spread_kind, n) for at, mean, spread, n in points]
    return pd.DataFrame(rows, columns=[*name._fields, "env_step", "mean", "spread", "spread_kind", "n"])


def main(source: str, file: str) -> None:
    """Writes `<source>.csv` beside the source's metadata."""
    table = derive(pd.read_csv(file), read_metadata(DATA / f"{source}.yaml"))
    table.to_csv(DATA / f"{source}.csv", index=False)


if __name__ == "__main__":
    known = sorted(path.stem for path in DATA.glob("*.yaml"))
    if len(sys.argv) != 3:
        sys.exit("suite.published.derive: name the source and the file of its published evaluations")
    if sys.argv[1] not in known:
        sys.exit(f"suite.published.derive: there is no {sys.argv[1]}.yaml; there are {', '.join(known)}")
    main(sys.argv[1], sys.argv[2])

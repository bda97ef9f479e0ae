"""Derive a source's table from its published evaluations: `python -m suite.published.derive SOURCE FILE`.

FILE has the columns variant, env and step as published, and either seed and value (every evaluation of every run) or
mean and std (of all runs at every evaluation). Only the steps that the suite compares at are kept; the evaluations
themselves stay with whoever published them.
"""

from __future__ import annotations

import sys

import pandas as pd

from suite.published.csv_tables import DATA
from suite.published.reading import Recipe, read_metadata
from suite.published.references import trailing_mean


def derive(evaluations: pd.DataFrame, metadata: dict[tuple[str, str, str], tuple[dict, Recipe]]) -> pd.DataFrame:
    """The source's table at the points of its recipes [true environment steps], in reward units.

    One row per run with its trailing window mean and the number of evaluations in it; where the recipe names a kind of
    spread, one row per point with mean and SD over the runs, or with those that are published.
    """
    rows = []
    for name, (fields, recipe) in metadata.items():
        of_this = (evaluations["variant"] == name[1]) & (evaluations["env"] == name[2])
        mine = evaluations[of_this].assign(env_step=lambda table, recipe=recipe: table["step"] + recipe.added_steps)
        if "value" not in evaluations:
            rows += _of_curve(mine, name, recipe)
        elif recipe.spread_kind is None:
            rows += _of_runs(mine, name, recipe, fields["evaluate_every"])
        else:
            rows += _of_all_runs(mine, name, recipe, fields["evaluate_every"])
    return pd.DataFrame(rows)


def _of_runs(mine: pd.DataFrame, name: tuple, recipe: Recipe, every: int) -> list[dict]:
    rows = []
    for seed, run in mine.groupby("seed"):
        for at in recipe.points:
            value, n = trailing_mean(run["env_step"], run["value"], at, every)
            own = {"variant": name[1], "environment": name[2], "seed": seed, "env_step": at}
            rows.append(own | {"evaluations": n, "value": round(value, 3)})
    return rows


def _of_all_runs(mine: pd.DataFrame, name: tuple, recipe: Recipe, every: int) -> list[dict]:
    values = pd.DataFrame(_of_runs(mine, name, recipe, every)).groupby("env_step")["value"]
    return [_summary(name, at, of.mean(), of.std(ddof=1), recipe, len(of)) for at, of in values]


def _of_curve(mine: pd.DataFrame, name: tuple, recipe: Recipe) -> list[dict]:
    curve = mine.set_index("env_step")
    return [_summary(name, at, *curve.loc[at, ["mean", "std"]], recipe, recipe.runs) for at in recipe.points]


def _summary(name: tuple, at: int, mean: float, spread: float, recipe: Recipe, n: int) -> dict:
    own = dict(zip(("source", "variant", "environment"), name, strict=True))
    numbers = {"env_step": at, "mean": round(mean, 3), "spread": round(spread, 3)}
    return own | numbers | {"spread_kind": recipe.spread_kind, "n": n}


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
    main(*sys.argv[1:])

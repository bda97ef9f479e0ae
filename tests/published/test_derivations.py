"""From published evaluations to a source's table: the right runs, the right window, the right axis of steps."""

import pandas as pd
import pytest
from builders.check_study import reference

from suite.published import csv_tables, derive, reading
from suite.published.reading import Metadata, Recipe
from suite.published.references import ReferenceName

NAME = ReferenceName("s", "a", "E-v1")


def metadata(**recipe):
    described = reference(source="s", variant="a", environment="E-v1", evaluate_every=1000)
    return {NAME: Metadata(described, Recipe(**{"points": (2000,), "runs": 1} | recipe))}


def evaluations(*rows):
    return pd.DataFrame(rows, columns=["variant", "env", "seed", "step", "value"])


def test_derive_takes_its_own_variant_and_environment_only():
    table = evaluations(
        ("a", "E-v1", 1, 1000, 5.0),
        ("a", "E-v1", 1, 2000, 7.0),
        ("b", "E-v1", 1, 2000, 0.0),
        ("a", "F", 1, 2000, 0.0),
    )
    assert derive.derive(table, metadata()).to_dict("records") == [
        {"variant": "a", "environment": "E-v1", "seed": 1, "env_step": 2000, "evaluations": 1, "value": 7.0}
    ]


def test_steps_that_the_published_count_leaves_out_are_added():
    table = evaluations(*(("a", "E-v1", 1, step, float(step)) for step in range(0, 41_000, 1000)))
    found = derive.derive(table, metadata(points=(20_000, 30_000), added_steps=10_000))
    assert found["value"].tolist() == [9_500.0, 19_000.0]  # (18,000, 20,000] true are 9,000 and 10,000 published
    assert found["evaluations"].tolist() == [2, 3]
    assert derive.derive(table, metadata(points=(20_000,)))["value"].tolist() == [19_500.0]


def test_runs_that_are_not_to_be_copied_leave_mean_and_sample_sd():
    table = evaluations(*(("a", "E-v1", seed, 2000, value) for seed, value in enumerate((1.0, 2.0, 6.0))))
    assert derive.derive(table, metadata(runs=3, spread_kind="sd_ddof1")).to_dict("records") == [
        dict(zip(("source", "variant", "environment"), NAME, strict=True))
        | {"env_step": 2000, "mean": 3.0, "spread": 2.646, "spread_kind": "sd_ddof1", "n": 3}
    ]


def test_a_curve_keeps_its_mean_and_its_spread_as_drawn():
    curve = pd.DataFrame(
        [("a", "E-v1", 1000, 3.0, 0.5), ("a", "E-v1", 2000, 4.0, 0.75)],
        columns=["variant", "env", "step", "mean", "std"],
    )
    found = derive.derive(curve, metadata(runs=10, spread_kind="sd_ddof0", points=(3000,), added_steps=1000))
    assert found.iloc[0][["env_step", "mean", "spread", "spread_kind", "n"]].tolist() == [
        3000,
        4.0,
        0.75,
        "sd_ddof0",
        10,
    ]
    with pytest.raises(KeyError, match="5000"):
        derive.derive(curve, metadata(spread_kind="sd_ddof0", points=(5000,)))


@pytest.mark.parametrize("source", ["jaxrl", "tianshou_v0", "sb3_pendulum"])
def test_what_derive_writes_is_what_load_reads(source, tmp_path, monkeypatch):
    """The committed windows, taken for single evaluations, give the table again."""
    metadata = reading.read_metadata(csv_tables.DATA / f"{source}.yaml")
    table = pd.read_csv(csv_tables.DATA / f"{source}.csv")
    added = next(recipe.added_steps for _, recipe in metadata.values())
    published = table.rename(columns={"environment": "env"}).assign(step=table["env_step"] - added)
    published.to_csv(tmp_path / "evaluations.csv", index=False)
    (tmp_path / f"{source}.yaml").write_text((csv_tables.DATA / f"{source}.yaml").read_text())
    monkeypatch.setattr(derive, "DATA", tmp_path)
    derive.main(source, str(tmp_path / "evaluations.csv"))
    assert reading.load(tmp_path) == [one for one in reading.load() if one.source == source]

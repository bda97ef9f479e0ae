"""The pages of the code bases as programs: current, complete, and what a docstring says is what they show."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.compute as pc
import pytest

from implementations.codebases import CODEBASES
from suite.lab import records
from suite.specimens import codebase_pages, naming, switches
from suite.wording import number


def test_the_pages_are_current():
    outdated = switches.write(codebase_pages.pages(), check=True)
    assert not outdated, f"{', '.join(outdated)} differ from what there is; write them anew: {switches.COMMAND}"
    there = {path.name for path in (switches.DOCS / "codebases").iterdir()}
    assert there == {"README.md", *(f"{name}.md" for name in CODEBASES)}


@pytest.mark.parametrize("name", CODEBASES)
def test_a_file_says_what_it_is_what_it_does_its_own_way_and_what_it_leaves_out(name):
    page = codebase_pages.page(name)
    assert "https://github.com/" in page.splitlines()[3]
    for beginning in (codebase_pages.UNLIKE, codebase_pages.LEFT_OUT):
        assert len(codebase_pages.paragraph(name, beginning).split()) > 4, beginning
    assert f"**{naming.state(name).name}**" in page


def test_a_page_shows_the_switches_that_differ_and_no_others():
    table = codebase_pages.page("spinningup").partition("## Its switches")[2]
    rows = {line.partition("](")[0].removeprefix("| [") for line in table.splitlines() if line.startswith("| [")}
    assert {"temperature", "critic_action_units", "update_every", "batch_size"} <= rows
    assert not rows & {"critics", "discount", "tau", "value_net"}
    assert "| 50 [1](https://github.com/openai/spinningup/blob/038665d/spinup/algos/pytorch/sac/sac.py#L48) " in table


def test_a_paragraph_ends_where_the_next_begins():
    text = codebase_pages.paragraph("spinningup", codebase_pages.UNLIKE)
    assert text.startswith("the temperature is a constant.") and text.endswith("is not stored as one.")


def test_an_arm_that_is_a_code_base_is_one_of_its_runs_and_another_arm_is_none():
    arm = records.Origin("any", "sac_v2", codebase_pages.OF_ALL, "sbx", "")
    assert codebase_pages._is_of(arm, "sbx") and not codebase_pages._is_of(arm, "sac_v2")
    assert codebase_pages._is_of(arm._replace(preset="sbx", ablation="", arm=""), "sbx")
    assert not codebase_pages._is_of(arm._replace(ablation="critics"), "sbx")


def test_a_run_that_evaluates_samples_ends_with_these():
    one = records.read(next((codebase_pages.RELEASED / "precision/runs/Pendulum-v1").rglob("s0-*.parquet")))
    kinds = pc.replace_substring(one.rows["kind"], "mean", "sample")
    rows = one.rows.set_column(one.rows.column_names.index("kind"), "kind", kinds)
    sampled = replace(one.meta, schedule=replace(one.meta.schedule, evaluation_action="sample"))
    assert codebase_pages._at_quarters(records.Record(sampled, rows)) == codebase_pages._at_quarters(one)


def test_a_page_says_how_released_runs_end_by_program(tmp_path):
    assert "yet" in codebase_pages.learning("sbx", tmp_path)
    one = records.read(next((codebase_pages.RELEASED / "precision/runs/Pendulum-v1").rglob("s0-*.parquet")))
    origin = one.meta.origin._replace(preset="sbx", ablation="", arm="")
    for n, program in enumerate(["codebase_sbx", "codebase_sbx", "sbx", "jax"]):
        path = tmp_path / f"programs/runs/Pendulum-v1/{program}/{one.meta.run_id}/s{n}-{one.meta.env_steps}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        records.write(path, replace(one.meta, implementation=program, seed=n, origin=origin), one.rows)
    codebase_pages._evaluations.cache_clear()
    rows = one.rows.to_pandas()
    means = rows[rows["kind"] == "mean"].groupby("env_step")["return"].mean()
    quarters = [means[means.index <= share * one.meta.env_steps].iloc[-1] for share in (0.25, 0.5, 0.75)]
    place, way = f"| Pendulum-v1 | {one.meta.env_steps:,} |", " | ".join(map(number, quarters))
    end = number(means.iloc[-1])
    assert codebase_pages.learning("sbx", tmp_path).splitlines()[-3:] == [
        f"{place} its package | {way} | {end} (1) |",
        f"{place} the file | {way} | {end} ± 0 (2) |",
        f"{place} the preset in `jax` | {way} | {end} (1) |",
    ]
    codebase_pages._evaluations.cache_clear()

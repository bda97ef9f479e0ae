"""The pages of the code bases as programs: current, complete, and what a docstring says is what they show."""

from __future__ import annotations

import pytest

from implementations.codebases import CODEBASES
from suite.specimens import codebase_pages, naming, switches


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

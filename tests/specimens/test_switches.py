"""The pages made from the presets: that they are current, complete, and link where the citations point."""

from __future__ import annotations

import re

import pytest

from suite.sac.cited import ABSENT, FIELDS
from suite.sac.spec import SacSpec
from suite.specimens import switches
from suite.specimens.catalogue import load_preset, preset_names

CODE_BASES = [name for name in preset_names() if not hasattr(load_preset(name), "OURS")]
RELATIVES = [name for name in CODE_BASES if not isinstance(load_preset(name).SPEC, SacSpec)]
CODE_BASES = [name for name in CODE_BASES if name not in RELATIVES]
SAC = "https://github.com/openai/spinningup/blob/038665d/spinup/algos/pytorch/sac"


def test_the_pages_are_current():
    outdated = switches.main(check=True)
    assert not outdated, f"{', '.join(outdated)} differ from the presets; write them anew: {switches.COMMAND}"


def test_a_check_writes_nothing_and_writing_settles_it(tmp_path, monkeypatch):
    monkeypatch.setattr(switches, "DOCS", tmp_path)
    (tmp_path / "presets.md").write_text("old")
    pages = ["docs/switches.md", "docs/presets.md"]
    assert switches.main(check=True) == pages and not (tmp_path / "switches.md").exists()
    assert switches.main(check=False) == pages
    assert switches.main(check=True) == []


def test_the_groups_hold_every_switch_in_the_order_of_the_spec():
    assert [field for group in switches.GROUPS.values() for field in group] == list(FIELDS)


def test_every_switch_is_shown_for_every_code_base_and_paper():
    page, _, relatives = switches.switches_page().partition("## Relatives")
    for name in RELATIVES:
        fields = [field for field in load_preset(name).SOURCES if hasattr(load_preset(name).SPEC, field)]
        assert all(f"| {field} | " in relatives.partition(f"### {name}")[2] for field in fields)
    head, *sections = re.split(r"^### ", page, flags=re.MULTILINE)
    last, _, same = sections.pop().partition("## What is the same everywhere")
    tables = {section.split("\n")[0]: section for section in (*sections, last)}
    tables |= {row.split(" ")[1]: row for row in same.splitlines() if row.startswith("| ")}
    tables.pop("switch")
    assert set(tables) == set(FIELDS)
    for field, table in tables.items():
        assert f"[{field}](#{field}) " in head or field in same
        for name in (*CODE_BASES, *(f"_{name}_" for name in switches.PAPERS)):
            shown = re.findall(rf"(?<![\\w/.-]){name}(?=\]\(| \(|, )", table)
            assert len(shown) == 1, (field, name)


def test_a_row_is_a_value_and_who_has_it_the_most_frequent_first():
    page = switches.switches_page()
    section = page.partition("### actor_reduce\n")[2].partition("\n###")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert [row.split(" ")[1] for row in rows] == ["min", "first", "mean"]
    place = "https://github.com/rail-berkeley/softlearning/blob/13cf187/softlearning/algorithms/sac.py#L225-L228"
    words = "softlearning/algorithms/sac.py:225-228 (the minimum before commit 90247f2)"
    assert f'[softlearning]({place} "{words}")' in rows[2]
    assert "(1.0 on Pendulum, InvertedPendulum, InvertedDoublePendulum; 25.0 on Swimmer;" in page
    assert "_sac_v1_, _sac_v2_ (as warmup_steps) |" in page


@pytest.mark.parametrize(
    ("source", "addresses"),
    [
        ("openai/spinningup@038665d spinup/algos/pytorch/sac/sac.py:46", [f"{SAC}/sac.py#L46"]),
        (
            "openai/spinningup@038665d spinup/algos/pytorch/sac/core.py:26-27,41 with spinup/utils/a.py:9 (1 - 0.995)",
            [f"{SAC}/core.py#L26-L27", f"{SAC}/core.py#L41", SAC.replace("algos/pytorch/sac", "utils/a.py#L9")],
        ),
        (
            "openai/spinningup@038665d spinup/algos/pytorch/sac/sac.py:1-2 (-A; 1), 9 (its logarithm, 10 000 times)",
            [f"{SAC}/sac.py#L1-L2", f"{SAC}/sac.py#L9"],
        ),
        (
            "arXiv 1812.05905 table 1; 1 000: riserally/rlox@7297f85 benchmarks/convergence (Pendulum-v1)",
            [
                "https://arxiv.org/abs/1812.05905",
                "https://github.com/riserally/rlox/blob/7297f85/benchmarks/convergence",
            ],
        ),
        ("float32, as the code base computes", []),
        ("as warmup_steps: the first update follows its last step", []),
    ],
)
def test_citations_become_links(source, addresses):
    assert switches.links(source) == addresses


def test_no_line_of_a_citation_is_lost():
    """Every number of a line in a code base's sources, outside remarks in brackets, is in some link."""
    for name in (*CODE_BASES, *RELATIVES):
        for field, source in load_preset(name).SOURCES.items():
            plain = re.sub(r"@[0-9a-f]+ ", "@ ", re.sub(r"\([^()]*\)", "()", source))
            cited = [number for lines in re.findall(r"(?<=:)[\d,-]+|(?<=\), )[\d,-]+(?= \()", plain)
                     for number in re.findall(r"\d+", lines)]  # fmt: skip
            anchors = " ".join(address.partition("#")[2] for address in switches.links(source))
            assert set(cited) <= set(re.findall(r"\d+", anchors)), (name, field)
            assert cited or source.startswith(("float32, as", ABSENT)), (name, field)


def test_the_page_of_presets_has_every_state():
    page = switches.presets_page()
    assert all(f"| `{name}` |" in page for name in preset_names())

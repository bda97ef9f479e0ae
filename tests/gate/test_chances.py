"""How many decisions of the gate are to be expected of equal runs."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from builders.check_study import study, together

from suite.analysis.check_rows import CheckRow
from suite.gate.chances import chance, expected_line, waiting
from suite.gate.check import check
from suite.published import anchors, deciding, reading
from suite.study.config import Check

HALF_CHEETAH = Check(margin=0.10, confidence=0.90, gate=["HalfCheetah-v5@100_000"], looks=[3, 5, 7, 10])


published = cache(reading.load)


def held(*presets: str, seeds: int = 10, options: Check = HALF_CHEETAH) -> list[CheckRow]:
    """Rows of studies whose runs return as much as jaxrl's published ones do."""
    rng = np.random.default_rng(0)
    runs = [study(rng.normal(5_700, 50, seeds), preset=one, cell={"variant": one, "run_id": one}) for one in presets]
    return check(together(*runs), published(), anchors.random_policy(), options)


def primary(rows: list[CheckRow]) -> CheckRow:
    (row,) = (row for row in rows if row.gated)
    return row


@pytest.mark.parametrize(("seeds", "look"), [(3, 3), (4, 3), (7, 7), (10, 10), (20, 10)])
def test_the_chance_is_that_of_the_last_look_that_there_are_seeds_for(seeds, look):
    row = primary(held("jaxrl_curves", seeds=seeds))
    (simulated,) = (
        one for one in deciding.committed()
        if (one.task, one.reference, one.env_step) == (row.task, row.reference, row.env_step)
    )  # fmt: skip
    assert chance(row) == getattr(simulated, f"pass_{look}") > 0.4


def test_it_is_unknown_of_what_was_not_simulated():
    assert chance(primary(held("jaxrl_curves", options=HALF_CHEETAH.model_copy(update={"margin": 0.05})))) is None
    assert chance(primary(held("jaxrl_curves", options=HALF_CHEETAH.model_copy(update={"looks": [5]})))) is None
    assert chance(primary(held("jaxrl_curves", seeds=2))) is None
    assert chance(replace(primary(held("jaxrl_curves")), reference="nobody")) is None


def test_the_sentence_adds_the_chances_up_and_counts_what_is_decided():
    rows = held("jaxrl_curves", "lwdrl")
    line = expected_line(rows)
    total, of, listed, passed, others = re.match(
        r"Were ours .* published, ([\d.]+) of (\d) primary .* would PASS .*"
        r"\(simulated: (.*)\); (\d) do(?:es)? and (\d) (?:is|are) decided otherwise\.$",
        line,
    ).groups()
    chances = [chance(row) for row in rows if row.gated]
    assert float(total) == round(sum(chances), 2) and int(of) == 2
    assert re.findall(r"([\d.]+) of torch", listed) == [f"{share:.2f}" for share in chances]
    assert "HalfCheetah" not in line  # the only task
    assert " on HalfCheetah-v5, " in expected_line(
        [*rows, replace(primary(held("jaxrl_curves")), task="HalfCheetah-v4")]
    )
    assert int(passed) == sum(row.verdict == "PASS" for row in rows if row.gated) > 0 == int(others)


def test_what_fails_is_no_decision_that_was_expected():
    rows = held("jaxrl_curves", "lwdrl")
    failing = [replace(row, verdict="FAIL") if row.gated else row for row in rows]
    assert expected_line(failing).endswith("; 0 do and 2 are decided otherwise.")
    better = [replace(row, verdict="SUSPICIOUSLY_BETTER") if row.gated else row for row in rows]
    assert expected_line(better).endswith("; 2 do and 0 are decided otherwise.")


@pytest.mark.parametrize(("looked", "ending"), [(10, "open after the last look"), (7, "for a further look")])
def test_what_no_look_has_decided_is_open_or_waits(looked, ending):
    rows = held("jaxrl_curves", "lwdrl")
    last = max(i for i, row in enumerate(rows) if row.gated)
    looks = (replace(rows[last].looks[-1], n=looked),)
    rows[last] = replace(rows[last], verdict="INCONCLUSIVE", looks=looks)
    verb = "stays" if looked == 10 else "waits"
    assert expected_line(rows).endswith(f"; 1 does, 0 are decided otherwise, and 1 {verb} {ending}.")
    assert waiting(rows) == (looked < 10)
    rows[last] = replace(rows[last], looks=())
    assert expected_line(rows).endswith("; 1 does, 0 are decided otherwise, and 1 waits for a further look.")


def test_without_the_chance_of_every_endpoint_there_is_no_sentence():
    rows = held("jaxrl_curves", "lwdrl")
    assert expected_line([]) == expected_line([row for row in rows if not row.gated]) == ""
    last = max(i for i, row in enumerate(rows) if row.gated)
    assert expected_line(rows) and expected_line([*rows[:last], replace(rows[last], looks_planned=(5,))]) == ""

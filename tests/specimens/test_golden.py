"""Golden runs: every part that makes numbers still answers what it answered when its version was given."""

from __future__ import annotations

import pandas as pd
import pytest

import implementations
from suite.sac.numerics import PARTS
from suite.specimens import golden


@pytest.mark.parametrize("part", ["weights", "loop", "evaluation", "tasks"])
def test_part_answers_as_it_did(part):
    assert golden.moved(part) == []


@pytest.mark.parametrize("name", sorted(implementations.REGISTRY))
@pytest.mark.parametrize("run", golden.engine_runs(), ids=", ".join)
def test_engine_answers_as_it_did(name, run):
    part = f"engine.{name}"
    found = pd.DataFrame(golden.engine_rows(name, *run))
    assert not found.empty
    kept = golden.golden(part)
    kept = kept[(kept["case"] == run[0]) & (kept["precision"] == run[1])]
    assert not kept.empty, "no golden run of this case: python -m suite identity --record"
    assert golden.compare(part, kept, found) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_moved_answer_is_noticed_in_every_case(part):
    """Moved by ten times what is allowed: a golden run that nothing can move proves nothing."""
    kept = golden.golden(part)
    now = kept.copy()
    if part in ("loop", "evaluation"):
        column = "env_step" if part == "evaluation" else "sampled"
        now[column] += 1
    elif part == "tasks":
        now["reward"] += 1e-5 * (1 + now["reward"].abs())
    else:
        allowed = golden.SHARE["bfloat16_hidden"] * now["change"] + 1e-6 * now["largest"]
        now["first"] += 10 * allowed
    noticed = {moved.case for moved in golden.compare(part, kept, now)}
    assert noticed == set(kept["case"])


@pytest.mark.parametrize("name", sorted(implementations.REGISTRY))
def test_where_factors_are_rounded_a_last_bit_may_tip_one(name):
    """Whatever a case is called: processors differ in the last bit, which a rounding to 8 digits may carry to 1e-6."""
    kept = golden.golden(f"engine.{name}")
    rounding = [case for case, spec in golden.cases().items() if spec.precision == "bfloat16_hidden"]
    for case in rounding:
        then = kept[kept["case"] == case]
        tipped = then.assign(first=then["first"] + 1e-4 * then["change"])
        assert len(rounding) > 1 and golden.compare(f"engine.{name}", then, tipped) == []

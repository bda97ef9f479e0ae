"""An ablation's effects in parts: factors and held levels are those the statistics name in one string."""

from itertools import product

import numpy as np
import pytest

from suite.analysis import ablations
from suite.statistics import factorial

LEVELS = {"alpha": ("fixed", "learned"), "critics": ("single", "twin"), "value_net": ("without", "with")}


@pytest.mark.parametrize("missing", [(), ((0, 1, 0),), ((0, 0, 0), (1, 1, 0), (1, 0, 1))])
def test_simple_effects_in_parts_are_those_of_the_statistics(rng, missing):
    keys = [key for key in product((0, 1), repeat=3) if key not in missing]
    cells = {key: rng.normal(size=3) for key in keys[::-1]}
    places = {factor: ("0", "1") for factor in LEVELS}
    effects = ablations._simple_effects(cells, places, 0.95)
    expected = factorial.simple_effects(cells, list(LEVELS), 0.95)
    assert [effect.name for effect in effects] == [effect.name for effect in expected]
    assert [effect.estimate for effect in effects] == [effect.estimate for effect in expected]
    named = ablations._simple_effects(cells, LEVELS, 0.95)
    assert all(level in LEVELS[factor] for effect in named for factor, level in effect.held.items())


def test_main_effects_and_interactions_in_parts_are_those_of_the_statistics(rng):
    cells = {key: rng.normal(size=3) for key in product((0, 1), repeat=3)}
    names = [" × ".join(factors) for factors in ablations._crossed(list(LEVELS))]
    assert names == [effect.name for effect in factorial.contrasts(cells, list(LEVELS))]
    shares = factorial.shapley(cells, list(LEVELS), resamples=10, rng=np.random.default_rng(0))
    assert list(LEVELS) == [share.name for share in shares]

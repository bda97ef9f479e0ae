"""Whether runs have learned: the bounds, their levels, and what is refused."""

import numpy as np
import pytest
from scipy import stats

from suite.statistics.learned import learned

FLOOR, REFERENCE, MARGIN = -280.0, 6_000.0, 0.1
THRESHOLD = FLOOR + MARGIN * (REFERENCE - FLOOR)


def test_it_is_students_one_sided_test_on_either_side_of_the_threshold():
    rng = np.random.default_rng(0)
    verdicts = set()
    for mean in np.linspace(THRESHOLD - 300, THRESHOLD + 300, 60):
        values = rng.normal(mean, 100, size=5)
        above, below = (
            stats.ttest_1samp(values, THRESHOLD, alternative=side).pvalue < 0.05 for side in ("greater", "less")
        )
        expected = "learned" if above else "not learned" if below else "undecided"
        verdicts.add(expected)
        assert learned(values, FLOOR, REFERENCE, MARGIN) == expected
    assert len(verdicts) == 3


def test_at_the_threshold_either_claim_is_made_in_one_of_twenty_studies():
    rng = np.random.default_rng(1)
    found = [learned(rng.normal(THRESHOLD, 100, size=3), FLOOR, REFERENCE, MARGIN) for _ in range(2_000)]
    for claim in ("learned", "not learned"):
        assert found.count(claim) / len(found) == pytest.approx(0.05, abs=0.02)


def test_a_single_run_and_runs_without_a_spread():
    assert learned([5_000.0], FLOOR, REFERENCE, MARGIN) == "undecided"
    assert learned([FLOOR] * 3, FLOOR, REFERENCE, MARGIN) == "not learned"
    assert learned([REFERENCE] * 2, FLOOR, REFERENCE, MARGIN) == "learned"


@pytest.mark.parametrize(
    "arguments",
    [([1.0, 2.0], 5.0, 5.0, 0.1), ([1.0, 2.0], 0.0, 5.0, 0.0), ([], 0.0, 5.0, 0.1), ([np.nan], 0.0, 5.0, 0.1)],
)
def test_nonsense_is_refused(arguments):
    with pytest.raises(ValueError):
        learned(*arguments)

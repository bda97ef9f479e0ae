"""A minute of faults drawn at random, others in every run of the tests; `make soak` draws a thousand."""

import time

import numpy as np
from builders import faults

SECONDS = 45


def test_no_fault_of_a_minute_loses_doubles_or_alters_anything(whole, tmp_path):
    seed = time.time_ns() % 1_000_000
    undisturbed = faults.Undisturbed(faults.undisturbed_run(tmp_path / "run"), whole)
    end, n = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        folder = tmp_path / str(n)
        folder.mkdir()
        try:
            rng = np.random.default_rng([seed, n])
            faults.KINDS[faults.kind(rng)].do(undisturbed, folder, rng)
        except AssertionError as error:
            raise AssertionError(f"fault {n} of seed {seed} (make soak SEED={seed} FIRST={n} FAULTS=1)") from error
        n += 1
    assert n > 3

"""The soak: `make soak` draws faults (1,000 of the seed 0) and says how many of each kind were survived.

    python tests/faults/soak.py --seed 0 --first 0 --faults 1000 [--workers 2]

Fault number n of a seed is the same fault every time, but for the moments at which processes are killed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[one]) for one in (1, 2)]  # as pytest has it

from builders import faults  # noqa: E402
from builders.sweeps import config, start_sweep  # noqa: E402


def survive(undisturbed: faults.Undisturbed, seed: int, n: int) -> tuple[str, str]:
    """Fault number n: its kind, and "" if it was survived, else what it did and what came of it."""
    folder = Path(tempfile.mkdtemp(prefix=f"fault-{n}-"))
    rng = np.random.default_rng([seed, n])
    kind = faults.kind(rng)
    try:
        faults.KINDS[kind].do(undisturbed, folder, rng)
    except Exception:
        return kind, traceback.format_exc()
    shutil.rmtree(folder)
    return kind, ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("seed", 0), ("first", 0), ("faults", 1000), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    study = Path(tempfile.mkdtemp(prefix="soak-study-"))
    config(study)
    assert start_sweep(study, study / "log").wait(900) == 0, (study / "log").read_text()
    undisturbed = faults.Undisturbed(faults.undisturbed_run(Path(tempfile.mkdtemp(prefix="soak-run-"))), study)
    drawn, failed = Counter(), Counter()
    one = partial(survive, undisturbed, options.seed)
    numbers = range(options.first, options.first + options.faults)
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for n, (kind, trouble) in zip(numbers, pool.map(one, numbers), strict=True):
            drawn[kind] += 1
            failed[kind] += bool(trouble)
            if trouble:
                print(f"fault {n} of seed {options.seed}: {kind}\n{trouble}", flush=True)
    print(f"\n| fault (seed {options.seed}, {options.first} to {numbers[-1]}) | drawn | lost, doubled or altered |")
    print("|---|---|---|")
    for kind in faults.KINDS:
        print(f"| {kind} | {drawn[kind]:,} | {failed[kind]} |")
    print(f"| all | {drawn.total():,} | {failed.total()} |")
    sys.exit(failed.total() > 0)


if __name__ == "__main__":
    main()

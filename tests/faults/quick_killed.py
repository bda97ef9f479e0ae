"""The quick study, killed at ten random moments, against one that nothing disturbs: `make soak` runs it last.

python tests/faults/quick_killed.py --seed 0 [--kills 10]
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

sys.path[:0] = [str(Path(__file__).resolve().parents[one]) for one in (1, 2)]  # as pytest has it

from builders.runs import ROOT  # noqa: E402
from builders.sweeps import assert_same_tables, command_line, processes, start_sweep  # noqa: E402

MEAN_S = 25.0  # between two kills: ten of them then lie in the study's minutes of training, and in its steps


def killed(folder: Path, rng: np.random.Generator, kills: int) -> str:
    """Trains the study in a folder; each time a random process of the sweep is killed, or the sweep itself."""
    said = []
    while len(said) < kills:
        sweep = start_sweep(folder, folder / "log")
        time.sleep(rng.exponential(MEAN_S))
        if sweep.poll() is not None:
            break
        every = processes(folder)
        victim = every[rng.integers(len(every))] if every and rng.random() < 0.7 else psutil.Process(sweep.pid)
        words = command_line(victim)
        victim.send_signal(signal.SIGKILL)
        kinds = ("run", "sweep", "snakemake")
        said.append(next((word for word in kinds if word in words), "step"))
        if victim.pid != sweep.pid:
            time.sleep(1)
            sweep.kill()
        sweep.wait()
    assert start_sweep(folder, folder / "log").wait(3600) == 0, (folder / "log").read_text()[-3000:]
    return ", ".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=10)
    options = parser.parse_args()
    folders = [Path(tempfile.mkdtemp(prefix=f"quick-{name}-")) for name in ("whole", "killed")]
    for folder in folders:
        shutil.copy(ROOT / "config/quick.yaml", folder / "study.yaml")
    assert start_sweep(folders[0], folders[0] / "log").wait(3600) == 0, (folders[0] / "log").read_text()[-3000:]
    said = killed(folders[1], np.random.default_rng(options.seed), options.kills)
    assert_same_tables(*folders)
    print(f"quick, killed {len(said.split(', '))} times ({said}): its tables are those of an undisturbed one")
    for folder in folders:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

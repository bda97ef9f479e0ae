"""A step, or a run, on a disk that is full, and again once there is room: in a namespace of its own, to mount there.

unshare --map-root-user --mount python tests/faults/full_disk.py STUDY PLACE STEP
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[one]) for one in (1, 2)]  # as pytest has it

from builders.sweeps import ENVIRONMENT, assert_same_tables, config, content  # noqa: E402

from suite.study.plan import Plan  # noqa: E402

SIZE = "64m"


def fill(path: Path) -> None:
    """A file of everything that the disk has left, to the last block."""
    with path.open("wb", buffering=0) as file:
        for size in (2**20, 2**12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                assert error.errno == errno.ENOSPC, error


def without_and_with_room(whole: Path, disk: Path, step: str) -> None:
    """One sentence and no file touched while the disk is full; then the same command leaves the same tables."""
    folder = Path(shutil.copytree(whole, disk / "study"))
    words = [sys.executable, "-m", "suite", step, "--config", "study.yaml"]
    if step == "manifest":  # which writes what is new, and no more
        (folder / "results/studies/study/manifest.parquet").unlink()
    if step == "run":
        record = next(iter(Plan(config(folder)).runs))
        (folder / record).unlink()
        words += ["--attempts", "1", record]
    before = content(folder)
    fill(disk / "full")
    refused = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr, refused.stderr
    last = refused.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "No space left on device); make room" in last, refused.stderr
    if step == "run":  # which has begun: what it had written is its own
        assert not (folder / record).exists() and not list(folder.rglob("*.tmp"))
    else:
        assert content(folder) == before
    (disk / "full").unlink()
    for again in [words] + [[*words[:3], "gather", *words[4:6]]] * (step == "run"):
        done = subprocess.run(again, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
        assert done.returncode in (0, 3), done.stderr  # 3: nothing is published of so short a run
    assert_same_tables(whole, folder)


if __name__ == "__main__":
    study, place, asked = sys.argv[1:]
    os.chdir(place)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", place], check=True)
    without_and_with_room(Path(study), Path(place), asked)

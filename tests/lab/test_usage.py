"""What a run takes: measured of its own program, over all its attempts, and in records of every age."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
from builders.runs import ROOT, job, places
from builders.training import interrupted, train

from suite.lab import lab, records
from suite.lab.usage import NOT_MEASURED, Usage, peak_bytes, spent


def test_the_peak_is_the_programs_own_and_stays():
    before = peak_bytes()
    block = np.ones(40_000_000)  # 320 MB, touched
    peak = peak_bytes()
    del block
    assert before + 250e6 < peak == peak_bytes() or peak >= 320e6
    code = "from suite.lab.usage import peak_bytes; print(peak_bytes())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 5e6 < int(done.stdout) < 200e6, "it counts nothing of the program that started it"


def test_what_was_used_before_is_added_to_or_stays_unknown(tmp_path):
    (tmp_path / "checkpoint-0000000100.npz").write_bytes(bytes(700))
    (tmp_path / "s0-200.npz").write_bytes(bytes(9_000))  # final arrays are no checkpoint
    now = spent(Usage(1000.0, 1, 2), 0.0, tmp_path)
    assert now.cpu_time_s > 1000 and now.peak_bytes > 5e6 and now.work_bytes == 700
    assert spent(Usage(5.0, 10**15, 800), 0.0, tmp_path)[1:] == (10**15, 800)
    assert spent(NOT_MEASURED, 0.0, tmp_path).cpu_time_s is None


def test_a_record_tells_what_all_attempts_took(tmp_path):
    (whole,) = train(job(), tmp_path / "whole")
    assert 0 < whole.meta.usage.cpu_time_s < 60 and whole.meta.usage.peak_bytes > 50e6
    assert whole.meta.usage.work_bytes == 0, "it was never checkpointed"
    interrupted(job(), tmp_path / "parts", 150)
    (place,) = places(tmp_path / "parts")
    saved = sum(file.stat().st_size for file in place.work.rglob("*.np[yz]"))
    (resumed,) = train(job(), tmp_path / "parts")
    assert resumed.meta.usage.work_bytes == saved > 0 and len(resumed.meta.attempts) == 2
    assert whole.rows.equals(resumed.rows), "what a run takes is in no number of its own"


def test_checkpoints_and_records_from_before_it_was_measured_are_read(tmp_path):
    clock = lab._clock({"wall_time_s": 3.0, "attempts": [[0, "then", "cpu"]]})
    assert clock.wall_time_s == 3.0 and clock.usage == NOT_MEASURED
    (kept,) = train(job(env_steps=100), tmp_path)
    data = records._to_json(kept.meta)
    assert records._from_json(data, 3) == kept.meta
    older = records._from_json({name: value for name, value in data.items() if name != "usage"}, 3)
    assert older == replace(kept.meta, usage=NOT_MEASURED)

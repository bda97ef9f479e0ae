"""The benchmark: that it measures what it says, names who is missing and refuses what it does not know. No speeds."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from builders.runs import suite

import implementations
from suite.bench import engines as bench
from suite.bench import statistics as bench_statistics
from suite.bench.contenders import Request
from suite.errors import UsageError
from suite.published import anchors as references
from suite.specimens.catalogue import load_preset
from suite.study.forecast import update_flop


@pytest.fixture(scope="module")
def result():
    """Both engines and a package that is nowhere, in the smallest sizes."""
    peers = {"nowhere": implementations.Entry("implementations.adapters.nowhere", "no/such/bin/python")}
    peers |= {"unwritten": implementations.Entry("implementations.adapters.unwritten")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(implementations, "PEERS", peers)
        return bench.run([], rounds=1, env_steps=20, updates=5)


def test_every_contender_is_measured_and_the_missing_ones_are_named(result):
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    assert set(result.table) == {"torch", "jax", "torch_bfloat16", "jax_bfloat16"}
    assert set(result.missing) == {"nowhere", "unwritten"}
    assert "no interpreter at no/such/bin/python" in result.missing["nowhere"]
    assert "implementations.adapters.unwritten" in result.missing["unwritten"]
    for name, row in result.table.items():
        assert row.updates_per_s > 0 and row.env_steps_per_s > 0
        assert 0.01 < row.share_of_floor < (10 if bench.IN_BFLOAT16 in name else 1.5)  # the floor is that of float32
        assert row.first_start_s > 0.1  # a process starts, imports a framework and compiles
    row, floor = result.table["torch"], result.floor_gflop_per_s * 1e9
    assert row.share_of_floor == pytest.approx(row.updates_per_s * result.flop_per_update / floor, rel=0.5)
    for name in ("torch", "jax"):
        turns = result.contenders[name]
        assert len(turns.env_step_s) == len(turns.update_s) == len(result.products[name]) == bench.TURNS
        assert len(turns.start_s) == len(turns.peak_memory_mb) == 1
    there, back = (result.ratios_of_env_steps_per_s[a][b] for a, b in (("jax", "torch"), ("torch", "jax")))
    assert there * back == pytest.approx(1, rel=0.2)


def test_memory_is_that_of_a_full_replay_buffer(result):
    buffer = 1_000_000 * 4 * (17 + 6 + 1 + 17 + 1) / 1e6
    for row in result.table.values():
        assert buffer < row.peak_memory_mb < buffer + 1000


def test_the_table_says_what_its_numbers_are(result):
    text = bench.render(result)
    for words in ("jax", "torch", "nowhere", "missing: no interpreter", "GFLOP/s", "MFLOP per update", "per processor"):
        assert words in text, words


def test_flop_of_an_update_by_hand():
    """HalfCheetah, 256 x 256: actor forward twice and backward once (2), two critics forward thrice, backward twice
    (for their weights, 2, and for the action, 1), two target critics forward once; 2 FLOP per multiply-add."""
    actor, critic = 17 * 256 + 256 * 256 + 256 * 12, 23 * 256 + 256 * 256 + 256 * 1
    by_hand = 2 * 256 * (actor * (1 + 1 + 2) + 2 * critic * (1 + (1 + 2) + (1 + 1)))
    assert update_flop(load_preset("sac_v2").SPEC, 17, 6) == by_hand == pytest.approx(590e6, rel=0.01)


def test_a_block_of_seeds_is_counted_by_the_seed(tmp_path):
    pytest.importorskip("jax")
    result = bench.blocks("jax", [2], rounds=2, env_steps=20, updates=5)
    row = result.blocks[2]
    assert row.seed_steps_per_s > 0 and row.seed_updates_per_s > 0 and row.device
    assert 0 < row.simulator_share < 1 and row.peak_bytes is None  # a processor does not tell
    actor, critic = 17 * 256 + 256 * 256 + 256 * 12 + 524, 23 * 256 + 256 * 256 + 256 + 513
    assert row.state_bytes == pytest.approx(2 * 4 * (3 * (actor + 2 * critic) + 2 * critic), rel=1e-3)
    assert row.given_bytes == 2 * 4 * 256 * ((2 * 17 + 6 + 2) + 2 * 6)
    for words in ("seed-steps/s", "simulator", "state MB", "given MB", "peak MB"):
        assert words in bench.render_blocks(result)


def test_a_block_is_measured_no_longer_than_it_may(tmp_path):
    """A hundred thousand steps in a second: what fits is measured, and at least one."""
    from suite.bench.contenders import _timed_within

    done = []
    seconds, times = _timed_within(0.05, lambda n: done.append(time.sleep(0.01)), 10**5)
    assert times == len(done) < 10 and 0.01 <= seconds < 0.05
    assert _timed_within(0.0, done.append, 3)[1] == 1 and _timed_within(9.0, done.append, 3)[1] == 3


def test_a_contender_that_dies_says_why():
    request = Request(target="implementations.sac_torch", seeds=0)
    with pytest.raises(RuntimeError, match=r"died:[\s\S]*Error"):
        bench.Child(sys.executable, request)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tianshu"], "there is no contender 'tianshu'; did you mean 'tianshou'?"),
        (["--blocks", "1,two"], "--blocks is '1,two'"),
        (["--blocks", "1000000"], "up to 1,000"),
        (["--blocks", "1", "torch"], "--blocks measures one engine; name it as in --engine torch"),
        (["--rounds", "0"], "--rounds"),
        (["--output", "/dev/null/bench.json"], "--output is '/dev/null/bench.json', but /dev/null is not a folder"),
        (["--blocks", "1", "--engine", "jux"], "there is no engine 'jux'; did you mean 'jax'?"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, arguments, words):
    done = suite("bench", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_sizes():
    assert bench.sizes("1,2, 10") == [1, 2, 10]
    with pytest.raises(UsageError):
        bench.sizes("0")


# --- the benchmark of the statistics

TINY = bench_statistics.Shape(tasks=2, seeds=3, checkpoints=5)


def test_seconds_are_scaled_by_the_number_of_resamples_less_what_does_not_grow(monkeypatch):
    """rliable: 1 s for one resample and 3 s for five are 1/2 s for each more; ours is measured as it is."""
    asked = []

    def watched(request, *, pinned, interpreter=sys.executable):
        asked.append((request, pinned, interpreter))
        if request[0] == "step":
            told = {"cells": [1] * 24, "counts": {"planned": 72}}
            Path(request[1], "results.json").write_text(json.dumps(told))
        answer = [1.0, 3.0] if interpreter != sys.executable else [0.5]
        return bench_statistics.Watched(answer, wall_s=7.0, processor_s=8.0, peak_mb=9.0)

    monkeypatch.setattr(bench_statistics, "_watched", watched)
    monkeypatch.setattr(bench_statistics, "RLIABLE", Path(sys.prefix))
    monkeypatch.setattr(bench_statistics, "THEIR_RESAMPLES", {"curve": 5, "improvement": 9})
    result = bench_statistics.run(101, rounds=2, shape=TINY)
    curve, improvement = result.intervals["curve"], result.intervals["improvement"]
    assert curve.rliable_seconds == [51.0, 51.0] and curve.seconds == [0.5, 0.5]
    assert improvement.rliable_seconds == [26.0, 26.0]
    assert [len(request[4]) for request, *_ in asked if request[0] == "interval_seconds"] == [1, 2] * 4
    assert all(pinned == (request[0] != "step") for request, pinned, _ in asked)
    assert (result.step.seconds, result.step.memory_mb, result.step.cells) == (7.0, 9.0, 24)
    text = bench_statistics.render(result)
    for words in ("IQM of a curve         0.50      5.0", "         51     102", "24 cells, 72 runs", "101 resamples"):
        assert words in text, words


def test_a_missing_rliable_is_named(monkeypatch):
    monkeypatch.setattr(bench_statistics, "RLIABLE", Path("no/such/python"))
    monkeypatch.setattr(bench_statistics, "write_study", lambda folder, shape: None)

    def watched(request, *, pinned):
        if request[0] == "step":
            Path(request[1], "results.json").write_text('{"cells": [], "counts": {"planned": 0}}')
        return bench_statistics.Watched([0.5], wall_s=1.0, processor_s=1.0, peak_mb=1.0)

    monkeypatch.setattr(bench_statistics, "_watched", watched)
    result = bench_statistics.run(rounds=1)
    assert result.intervals["curve"].rliable_seconds == []
    assert "rliable            missing: no interpreter at no/such/python (make .venv-rliable/ready)" in (
        bench_statistics.render(result)
    )


@pytest.mark.parametrize("library", ["ours", "rliable"])
def test_an_interval_is_made_in_a_process_of_its_own(library):
    interpreter = {"ours": sys.executable, "rliable": str(bench_statistics.RLIABLE)}[library]
    if not Path(interpreter).exists():
        pytest.skip("rliable is not set up (make .venv-rliable/ready)")
    for name in bench_statistics.INTERVALS:
        request = ["interval_seconds", library, name, list(TINY), [1, 40]]
        watched = bench_statistics._watched(request, pinned=True, interpreter=interpreter)
        assert len(watched.answer) == 2 and 0 < watched.answer[1] < watched.processor_s
        assert watched.peak_mb > 10 and watched.wall_s > 0


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match=r"interval_seconds has failed:[\s\S]*KeyError: 'theirs'"):
        bench_statistics._watched(["interval_seconds", "theirs", "curve", [1, 2, 1], [2]], pinned=True)


def test_the_made_up_study_is_one_that_the_statistics_take(tmp_path):
    """Twelve cells for each task, every run scored near 0.8 of the way from random to reference."""
    bench_statistics.write_study(tmp_path, TINY)
    bench_statistics.step(str(tmp_path), 100, 1)
    told = json.loads((tmp_path / "results.json").read_text())
    assert len(told["cells"]) == 12 * 2 and told["counts"]["planned"] == told["counts"]["finished"] == 12 * 2 * 3
    scales = references.anchors()
    for cell in told["cells"]:
        scale = scales[cell["task"]]
        assert cell["mean"]["estimate"] == pytest.approx(
            scale.random + 0.8 * (scale.reference - scale.random), abs=0.4 * (scale.reference - scale.random)
        )
    (ablation,) = told["ablations"]
    assert len(ablation["tables"]) == 2 * 2 and all(len(table["arms"]) == 4 for table in ablation["tables"])
    assert sum(arm["baseline"] for table in ablation["tables"] for arm in table["arms"]) == 4
    assert all(np.isfinite(curve["mean"]).all() and len(curve["mean"]) == 5 for curve in told["curves"])

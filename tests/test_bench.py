"""The benchmark: that it measures what it says, names who is missing and refuses what it does not know. No speeds."""

from __future__ import annotations

import json
import sys

import pytest
from conftest import suite

import implementations
from suite import UsageError, bench
from suite.plan import load_preset, update_flop


@pytest.fixture(scope="module")
def result():
    """Both engines and a package that is nowhere, in the smallest sizes."""
    peers = {"nowhere": implementations.Entry("implementations.adapters.nowhere", "no/such/bin/python")}
    peers |= {"unwritten": implementations.Entry("implementations.adapters.unwritten")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(implementations, "PEERS", peers)
        return bench.run([], rounds=2, env_steps=20, updates=5)


def test_every_contender_is_measured_and_the_missing_ones_are_named(result):
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    assert set(result["table"]) == {"torch", "jax"} and set(result["missing"]) == {"nowhere", "unwritten"}
    assert "no interpreter at no/such/bin/python" in result["missing"]["nowhere"]
    assert "implementations.adapters.unwritten" in result["missing"]["unwritten"]
    for row in result["table"].values():
        assert row["updates_per_s"] > 0 and row["env_steps_per_s"] > 0
        assert 0.01 < row["share_of_floor"] < 1.5
        assert row["first_start_s"] > 0.1  # a process starts, imports a framework and compiles
    row, floor = result["table"]["torch"], result["floor_gflop_per_s"] * 1e9
    assert row["share_of_floor"] == pytest.approx(row["updates_per_s"] * result["flop_per_update"] / floor, rel=0.5)
    for name in ("torch", "jax"):
        turns = result["found"][name]
        assert len(turns["env_step_s"]) == len(turns["update_s"]) == 2 * bench.TURNS
        assert len(turns["start_s"]) == len(turns["peak_memory_mb"]) == 2
    there, back = (result["ratios_of_env_steps_per_s"][a][b] for a, b in (("jax", "torch"), ("torch", "jax")))
    assert there * back == pytest.approx(1, rel=0.2)


def test_memory_is_that_of_a_full_replay_buffer(result):
    buffer = 1_000_000 * 4 * (17 + 6 + 1 + 17 + 1) / 1e6
    for row in result["table"].values():
        assert buffer < row["peak_memory_mb"] < buffer + 1000


def test_the_table_says_what_its_numbers_are(result):
    text = bench.render(json.loads(json.dumps(result)))
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
    row = result["blocks"]["2"]
    assert row["seed_steps_per_s"] > 0 and row["seed_updates_per_s"] > 0 and row["device"]
    assert "seed-steps/s" in bench.render_blocks(result)


def test_a_contender_that_dies_says_why():
    request = bench._request(1, "processor") | {"target": "implementations.sac_torch", "seeds": 0}
    with pytest.raises(RuntimeError, match=r"died:[\s\S]*Error"):
        bench.Child(sys.executable, request)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tianshu"], "there is no contender 'tianshu'; did you mean 'tianshou'?"),
        (["--blocks", "1,two"], "--blocks is '1,two'"),
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

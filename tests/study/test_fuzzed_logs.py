"""Fuzzed logs: whatever is done to a log of any format, its import ends in whole records or in a sentence."""

from __future__ import annotations

import json
import shutil
import struct
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import logs as built
from builders.logs import SEEDS, STEPS, returned
from click.testing import CliRunner

from suite.cli import main as command_line
from suite.lab import records
from suite.study import wire

ALL, SECONDS = 2_000, 45
"""Fuzzed logs in full, and seconds of them in every test run."""
TOKENS = (
    *(b"nan", b"inf", b"-inf", b"1e400", b"-1", b"0", b"1e18", b"9" * 400, b"", b'"', b"'", b",", b"\t", b";", b"\n"),
    *(
        b"\r",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"[" * 3000,
        b'{"a":' * 3000,
        b"null",
        b"true",
        b"#{",
        b"\x80" * 99,
    ),
    *("\N{SNOWMAN}".encode(), b"=cmd()", b"../../x", b"%s%n", b"NaN", b"1_000", b"0x10", b" " * 99),
)
SAID = ("--task", "HalfCheetah-v4", "--implementation", "mylib", "--preset", "sac_v2")
OPTIONS = (
    *(
        (),
        (),
        (),
        ("--every", 1000),
        ("--status-of-short", "diverged"),
        ("--status-of-short", "crashed", "--every", 1000),
    ),
    *(("--tolerance", 400), ("--first-step", 2000), ("--kind", "mean"), ("--step-scale", 1000), ("--seeds", "1,2,3")),
)


def whole() -> dict[str, Path]:
    """A folder of every format, by name."""
    for name, write in built.TREES.items():
        write(Path("whole", name))
    frame = pd.DataFrame(
        [(s, step, returned(s, step)) for s in SEEDS for step in STEPS], columns=["seed", "step", "return"]
    )
    Path("whole/tables").mkdir()
    frame.to_parquet("whole/tables/a.parquet")
    Path("whole/tables/b.json").write_text(frame.to_json(orient="records"))
    Path("whole/tables/c.json").write_text(json.dumps(frame.to_dict("list")))
    frame.to_csv("whole/tables/d.csv.gz", index=False)
    np.save("whole/tables/e.npy", np.ones((3, 1, 4)))
    for n in range(3):
        episodes = [(-5.0 - k, 1000, 2.0 * k + n / 9) for k in range(1, 9)]
        built.monitor(Path(f"whole/parallel/{n}.monitor.csv"), episodes, task="HalfCheetah-v4")
    for n, steps in enumerate((range(1000, 5000, 1000), range(3000, 8000, 1000))):
        scalars = [(step, returned(1, step)) for step in steps]
        built.events(Path(f"whole/events/events.out.tfevents.{n}"), "eval/return", scalars, tensor=bool(n))
    return {path.name: path for path in Path("whole").iterdir()}


def fuzzed(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes cut short, overwritten, lost, told twice, with what is hostile among them, or their lines disturbed."""
    for _ in range(int(rng.integers(1, 4))):
        start = int(rng.integers(len(data) + 1))
        end = min(len(data), start + int(rng.integers(0, 40)))
        lines = data.split(b"\n")
        a, b = (int(n) for n in rng.integers(len(lines), size=2))
        match int(rng.integers(8)):
            case 0:
                data = data[:start]
            case 1:
                data = data[:start] + rng.bytes(end - start) + data[end:]
            case 2:
                data = data[:start] + data[end:]
            case 3:
                data = data[:end] + data[start:]
            case 4 | 5:
                data = data[:start] + TOKENS[rng.integers(len(TOKENS))] + data[end if rng.random() < 0.5 else start :]
            case 6:
                lines[a], lines[b] = lines[b], lines[a]
                data = b"\n".join(lines)
            case 7:
                data = b"\n".join([*lines[:a], *lines[b:]])
    return data


def refuzzed(path: Path, rng: np.random.Generator) -> bytes:
    """A file fuzzed; of an event file as often what its records hold, under checksums that are right."""
    data = path.read_bytes()
    if "tfevents" not in path.name or rng.random() < 0.3:
        return fuzzed(data, rng)
    framed = b""
    for event in wire.tfrecords(data):
        event = fuzzed(event, rng) if rng.random() < 0.5 else event
        size = struct.pack("<Q", len(event))
        framed += size + struct.pack("<I", wire._masked_crc32c(size)) + event
        framed += struct.pack("<I", wire._masked_crc32c(event))
    return framed


def survive(tree: Path, rng: np.random.Generator) -> bool:
    """Imports a tree with some of its files fuzzed, and checks what became of it; whether it was imported."""
    shutil.rmtree("results", ignore_errors=True)
    shutil.rmtree("fuzzed", ignore_errors=True)
    shutil.copytree(tree, "fuzzed")
    files = sorted(path for path in Path("fuzzed").rglob("*") if path.is_file())
    for path in rng.choice(np.array(files, object), size=min(2, len(files)), replace=False):
        path.write_bytes(refuzzed(path, rng))
    named = [Path("fuzzed")]
    if tree.name in (*built.BY_FILE, "tables"):
        named = [files[rng.integers(len(files))]]
    options = list(OPTIONS[rng.integers(len(OPTIONS))])
    if named[0].suffix == ".npy":
        options += ["--frames", "1000,2000,3000,4000"]
    arguments = ["import", *named, *SAID, *options, "--write-config", "results/mine.yaml"]
    done = CliRunner().invoke(command_line, [str(argument) for argument in arguments])
    what = (tree.name, named, options, [path.read_bytes()[:500] for path in files])
    assert done.exception is None or isinstance(done.exception, SystemExit), (what, done.exc_info)
    left = [path for path in Path("results").rglob("*") if path.is_file()]
    if done.exit_code:
        assert done.exit_code == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, (
            what,
            done.stderr,
        )
        assert len(done.stderr) < 1500 and not left, (what, done.stderr, left)
        return False
    assert any(path.suffix == ".yaml" for path in left), what
    assert all(records.read(path) for path in left if path.suffix == ".parquet"), what
    return True


def fuzz(seconds: float) -> tuple[int, int]:
    """How many fuzzed logs were tried in this time, and how many of them imported."""
    rng, began = np.random.default_rng(16), time.monotonic()
    trees, count, good = list(whole().values()), 0, 0
    trees.sort()
    while count < ALL and time.monotonic() - began < seconds:
        good += survive(trees[count % len(trees)], rng)
        count += 1
    return count, good


def test_fuzzed_logs_end_in_records_or_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    count, good = fuzz(SECONDS)
    assert count >= 50 and 0.05 * count < good < 0.95 * count, (count, good)


@pytest.mark.slow
def test_two_thousand_fuzzed_logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    count, good = fuzz(3600)
    assert count == ALL and good > 100, (count, good)

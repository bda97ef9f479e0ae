"""Fuzzed configs and ablations: whatever is done to one, a command plans it or says in a sentence what is wrong."""

from __future__ import annotations

import copy
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from builders.runs import ROOT
from click.testing import CliRunner

from suite.cli import main as command_line

ALL, SECONDS, LONGEST = 3_000, 20, 5.0
"""Fuzzed configs in full, seconds of them in every test run, and processor seconds that one of them may take."""
COMMANDS = (("plan", "--json"), ("plan", "--json"), ("plan",), ("status",), ("migrate", "--dry-run"))
TOKENS = (
    *("nan", ".nan", ".inf", "-1", "0", "1e400", "1.0e+400", "9" * 5000, "0x" + "f" * 5000, "1" + "0" * 22, "1:30:00"),
    *("!!int abc", "!!bool maybe", "2024-13-45", "!!binary x", "!!python/object:os.system [ls]", "!!set {a}"),
    *("[", "]", "{", "}", ",", ": ", "- ", "\n", "\t", "\r", "\x00", "\x1b[31m", "&a ", "*a", "<<: *a", "? ", "|"),
    *("'", '"', "#", "%", "@", "`", "null", "~", "true", "off", "[" * 400, "{a: " * 400, "x" * 4000, "\u202e", ">"),
    *(
        "../../x",
        "/",
        "",
        " ",
        "$(touch x)",
        "sac_v2",
        "jax",
        "sbx",
        "tasks: ",
        "seeds: ",
        "critics",
        "0.005",
        "\ud800",
    ),
)
VALUES = (
    *(None, True, False, 0, -1, 1, 3, 2**32, 2**63, 10**30, 0.0, -0.5, 1e308, float("nan"), float("inf"), "", "x"),
    *("a\x00b", "x" * 5000, "../x", [], [[]], ["x"], [0, 0], {}, {"x": 1}, {1: 2}, [None], [True], b"\xff", "0.02"),
    *([-1], [2**32], list(range(5000)), "Pendulum-v1", ["torch", "stable_baselines3"], ["own"], "sac_v2_small", "all"),
)
HEAD = "from suite.sac.ablation import Ablation, Arm, factorial, one_factor\nfrom suite.sac.spec import *\n"
ABLATION = (
    "ABLATION = one_factor(\n    'tau',\n    {'own': {}, '0.02': {'tau': 0.02}, 'single': {'critics': 1, "
    "'target_reduce': 'first', 'actor_reduce': 'first'},\n     'fixed': {'temperature': FixedAlpha(value=0.2)}},\n"
    "    question='Q?', baseline='sac_v2_small', outcomes=('final_return',), expected='', literature=('x',),\n)\n"
)
WORDS = (
    *("None", "True", "''", "'0.02'", "0.02", "10**5000", "-1", "float('nan')", "[]", "()", "{}", "lambda: 1", "1/0"),
    *("FixedAlpha(value='x')", "raise SystemExit", "import nothing", "tua", "'tau'", "'baseline'", "(", ")", "\x00"),
    *("{'tau': '0.02'}", "{'tau': None}", "{3: 4}", "Arm(name=3, changes=[], levels=())", "def f(): f()\nf()", "\t"),
)


def text_fuzzed(text: str, tokens: tuple[str, ...], rng: np.random.Generator) -> str:
    """A text cut short, with parts lost, told twice or exchanged, or with what is hostile in it."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        start = int(rng.integers(len(text) + 1))
        end = min(len(text), start + int(rng.integers(0, 30)))
        token, lines = tokens[rng.integers(len(tokens))], text.split("\n")
        a, b = (int(n) for n in rng.integers(len(lines), size=2))
        match int(rng.integers(7)):
            case 0:
                text = text[:start] if rng.random() < 0.3 else text[:start] + text[end:]
            case 1:
                text = text[:end] + text[start:]
            case 2 | 3:
                text = text[:start] + token + text[end if rng.random() < 0.5 else start :]
            case 4:
                lines[a], lines[b] = lines[b], lines[a]
                text = "\n".join(lines)
            case 5:
                text = "\n".join([*lines[:a], token, *lines[a:]])
            case 6:
                text = "\n".join([*lines[:a], *lines[b:]])
    return text


def places(data: object, above: tuple = ()) -> list[tuple]:
    """The path of every part of nested lists and mappings."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [above] * bool(above) + [place for key, part in parts for place in places(part, (*above, key))]


def data_fuzzed(data: dict, rng: np.random.Generator) -> dict:
    """A config with some of its values replaced, lost, told twice or under another key."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        known = places(data)
        if not known:
            return data
        *above, key = known[rng.integers(len(known))]
        part = data
        for one in above:
            part = part[one]
        value = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
        match int(rng.integers(5)):
            case 0:
                del part[key]
            case 1 if isinstance(part, dict):
                part[f"{key}s"] = part.pop(key)
            case 2 if isinstance(part, list):
                part.append(part[key] if rng.random() < 0.5 else value)
            case _:
                part[key] = value
    return data


def fuzzed(config: str, rng: np.random.Generator) -> bytes:
    """A config fuzzed as a text, as what it means, or as bytes."""
    kind = rng.random()
    if kind < 0.45:
        text = yaml.dump(data_fuzzed(yaml.load(config, yaml.CSafeLoader), rng), Dumper=yaml.CSafeDumper)
    else:
        text = text_fuzzed(config, TOKENS, rng) if kind < 0.9 else config
    data = text.encode(errors="surrogatepass")
    if kind >= 0.9:
        at = int(rng.integers(len(data)))
        data = data[:at] + rng.bytes(int(rng.integers(1, 8))) + data[at:]
    return data


def survive(config: str, rng: np.random.Generator) -> bool:
    """Holds a fuzzed config, or a config beside a fuzzed ablation, against a command; whether it was planned."""
    data, ablation = config.encode(), HEAD + ABLATION
    if "[own]" in config and rng.random() < 0.6:
        ablation = text_fuzzed(ablation if rng.random() < 0.5 else HEAD + text_fuzzed(ABLATION, WORDS, rng), WORDS, rng)
    else:
        data = fuzzed(config, rng)
    Path("fuzzed.yaml").write_bytes(data)
    Path("ablations/own.py").write_text(ablation)
    command, began = COMMANDS[rng.integers(len(COMMANDS))], time.process_time()
    done = CliRunner().invoke(command_line, [command[0], "--config", "fuzzed.yaml", *command[1:]])
    what = (command, data[:2000], ablation)
    assert done.exception is None or isinstance(done.exception, SystemExit), (what, done.exc_info)
    assert time.process_time() - began < LONGEST, what
    left = sorted(str(path) for path in Path().rglob("*"))
    assert left == ["ablations", "ablations/own.py", "fuzzed.yaml"], (what, left)
    if done.exit_code == 0:
        return True
    sentence = done.stderr
    assert done.exit_code == 2, (what, done.exit_code)
    assert sentence.startswith("error: ") and sentence.count("\n") == 1 and len(sentence) < 1000, (what, sentence)
    assert sentence[:-1].isprintable() or "\xa0" in sentence, (what, sentence)
    return False


OWN = """sweeps:
  - tasks: [Pendulum-v1, HalfCheetah-v5]
    env_steps: 10_000
    evaluate: {every: 1_000, episodes: 10}
    seeds: [0, 1, 7]
    implementations: [jax, torch]
    presets: [sac_v2_small]
    ablations: [own]
    baseline: sac_v2_small
  - {tasks: [Pendulum-v1], env_steps: 4000, evaluate: {every: 500}, seeds: 2, implementations: [stable_baselines3],
     presets: [stable_baselines3]}
check: {margin: 0.1, confidence: 0.9, gate: [default, HalfCheetah-v5@100_000]}
equivalence: {margin: 0.10, sensitivity: [0.05, 0.15], superiority: 0.15, confidence: 0.9, after: 0.5}
families: {equivalence: holm, regression: bh, ablation: by, exploratory: hommel}
report: {confidence: 0.95, resamples: 1000, seed: 3}
execution: {checkpoint_seconds: 10, keep_checkpoints: true, accept_stale: false, time_limit_hours: 2.5}
tracking: wandb-offline
imported: [theirs]
results: out/results
reports: out/reports
"""


def fuzz(seconds: float) -> tuple[int, int]:
    """How many fuzzed configs were tried in this time, and how many of them were planned."""
    rng, began = np.random.default_rng(16), time.monotonic()
    committed = [path.read_text() for path in sorted((ROOT / "config").glob("*.yaml"))]
    configs = [one for each in committed for one in (each, OWN)]
    Path("ablations").mkdir()
    count = good = 0
    while count < ALL and time.monotonic() - began < seconds:
        good += survive(configs[count % len(configs)], rng)
        count += 1
    return count, good


def test_fuzzed_configs_end_in_a_plan_or_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    count, good = fuzz(SECONDS)
    assert count >= 100 and 0.02 * count < good < 0.9 * count, (count, good)


@pytest.mark.slow
def test_three_thousand_fuzzed_configs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    count, good = fuzz(3600)
    assert count == ALL and good > 100, (count, good)

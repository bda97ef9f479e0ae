"""Ablations that users bring: whatever is wrong with one is a sentence with file and line, by every command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from implementations import presets
from suite.cli import main
from suite.errors import LONGEST_SENTENCE, UsageError, quoted
from suite.sac.ablation import one_factor
from suite.specimens import catalogue

HEAD = "from suite.sac.ablation import Ablation, Arm, one_factor\nfrom suite.sac.spec import FixedAlpha\n"
PROSE = "question='Q?', baseline='sac_v2', outcomes=('final_return',), expected='', literature=()"
SWEEP = {"tasks": ["Pendulum-v1"], "env_steps": 10, "evaluate": {"every": 10}, "seeds": 1, "implementations": ["torch"]}


def ablation(arms: str, prose: str = PROSE) -> str:
    """The text of an ablation; ABLATION stands on line 3."""
    return f"{HEAD}ABLATION = one_factor('tau', {arms}, {prose})\n"


MISTAKES = {
    "no syntax": ("x = 1\ny = (\n", ["line 2", "SyntaxError: '(' was never closed"]),
    "a warning besides": ("x = 1is (", ["line 1", "SyntaxError"]),
    "null bytes": ("x = 1\0", ["null bytes"]),
    "another encoding": (b"x = '\xe9'\n", ["SyntaxError"]),
    "an exception": ("x = 1\n\n1 / 0\n", ["line 3", "ZeroDivisionError: division by zero"]),
    "an exit": ("raise SystemExit(3)", ["line 1", "SystemExit: 3"]),
    "no end": ("def f(): f()\nf()\n", ["RecursionError"]),
    "a missing import": ("import nothing_of_the_sort\n", ["line 1", "No module named 'nothing_of_the_sort'"]),
    "a wrong keyword": (ablation("{'a': {}}", PROSE + ", qestion=''"), ["line 3", "'qestion'", "fields of one are"]),
    "a missing field": (ablation("{'a': {}}", "question=''"), ["line 3", "missing 4 required", "fields of one are"]),
    "nothing": ("", ["must hold an Ablation called ABLATION"]),
    "a text for a number": (
        ablation("{'a': {}, 'b': {'tau': '0.02'}}"),
        ["line 3", "a number, not '0.02'"],
    ),
    "a text within a part": (
        ablation("{'a': {}, 'b': {'temperature': FixedAlpha(value='x')}}"),
        ["line 3", "temperature.value must be a number, not 'x'"],
    ),
    "a list for a tuple": (ablation("{'a': {}, 'b': {'hidden': [64]}}"), ["line 3", "hidden must be a tuple", "[64]"]),
    "a number without end": (ablation("{'a': {}, 'b': {'tau': 10**5000}}"), ["line 3", "something too long to show"]),
    "no number": (
        ablation("{'a': {}, 'b': {'tau': float('nan')}}"),
        ["line 3", "a finite number, not nan"],
    ),
    "no field": (ablation("{'a': {},\n 'b': {'tua': 0.1}}"), ["line 4", "tua is no field", "did you mean 'tau'?"]),
    "a key that is no text": (ablation("{'a': {}, 'b': {3: 0.1}}"), ["line 3", "changes must be a dict"]),
    "an arm in two": (ablation("{'a': {},\n 'b': {'tau': 1.0},\n 'b': {}}"), ["line 5", "'b' is given twice"]),
    "two arms of one name": (
        f"{HEAD}ABLATION = Ablation(arms=(Arm(name='a', changes={{}}, levels={{}}),) * 2, {PROSE})",
        ["line 3", "two arms are called 'a'"],
    ),
    "a name that is no text": (ablation("{'a': {}, 2: {'tau': 0.1}}"), ["line 3", "name must be a text, not 2"]),
    "no arms": (f"{HEAD}ABLATION = Ablation(arms=(), {PROSE})", ["line 3", "arms must be one or more"]),
    "arms of another kind": (f"{HEAD}ABLATION = Ablation(arms=(3,), {PROSE})", ["line 3", "an Arm, not (3,)"]),
    "no preset": (ablation("{'a': {}}", PROSE.replace("sac_v2", "sac_v3")), ["line 3", "did you mean 'sac_v2'?"]),
    "a question of another kind": (
        ablation("{'a': {}}", PROSE.replace("'Q?'", "3")),
        ["a text, not 3"],
    ),
    "the baseline's value": (
        ablation("{'0.01': {},\n '0.05': {'tau': 0.05}}"),
        ["own/0.01", "line 3", "not the baseline's, sac_v2", "tau is 0.005"],
    ),
    "an arm's value": (
        ablation("{'0.005': {},\n 'tau=0.05': {'tau': 0.06}}"),
        ["own/tau=0.05", "line 4", "not the arm's", "tau is 0.06"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_with_file_and_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    text, words = MISTAKES[name]
    Path("ablations").mkdir()
    Path("ablations/own.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    Path("study.yaml").write_text(yaml.safe_dump({"sweeps": [SWEEP | {"ablations": ["own"]}]}))
    told = set()
    for command in (["plan"], ["status"], ["sweep"], ["gather"], ["run", "x.parquet"], ["check"], ["report"]):
        done = CliRunner().invoke(main, [command[0], "--config", "study.yaml", *command[1:]])
        assert done.exit_code == 2 and isinstance(done.exception, SystemExit), (command, done.exc_info)
        told.add(done.stderr)
    (sentence,) = told
    assert sentence.startswith("error: ") and sentence.count("\n") == 1 and "ablations/own.py" in sentence
    assert all(word in sentence for word in words), sentence
    assert sorted(map(str, Path().rglob("*"))) == ["ablations", "ablations/own.py", "study.yaml"]


def test_an_ablation_is_its_text_whatever_its_time(tmp_path, monkeypatch):
    """Python would take compiled code beside a file for the file's, if length and time are equal."""
    monkeypatch.chdir(tmp_path)
    file = Path("ablations/own.py")
    file.parent.mkdir()
    rates = []
    for rate in ("0.02", "0.03"):
        file.write_text(ablation(f"{{'a': {{}}, 'b': {{'tau': {rate}}}}}"))
        os.utime(file, (1, 1))
        rates.append(catalogue.load_ablation("own").arms[1].changes["tau"])
    assert rates == [0.02, 0.03]


@pytest.mark.parametrize(
    "name, changes, belied",
    [
        ("0.005", {}, ""),
        ("5e-3", {}, ""),
        ("tau=0.005", {}, ""),
        ("tau_0.005", {}, ""),
        ("0.01", {}, "tau is 0.005"),
        ("0.02", {"tau": 0.02}, ""),
        ("tau 0.02", {"tau": 0.2}, "tau is 0.2"),
        ("lr 0.02", {"tau": 0.2}, ""),  # of another field, which nobody can check
        ("v2", {"tau": 0.2}, ""),
        ("slow", {"tau": 0.2}, ""),
        ("256", {"hidden": (256, 256)}, ""),
        ("512", {"hidden": (256, 128)}, "hidden is (256, 128)"),
    ],
)
def test_an_arm_named_by_a_value_has_it(name, changes, belied):
    switched = next(iter(changes), "tau")
    other = {switched: (32, 32) if switched == "hidden" else 0.5}
    levels = {name: {}, "other": other} if not changes else {"base": {}, name: changes}
    prose = {"question": "", "baseline": "sac_v2", "outcomes": (), "expected": "", "literature": ()}
    asked = one_factor("of", levels, **prose)
    arm = next(one for one in asked.arms if one.name == name)
    assert asked.belied(arm, *catalogue.resolve("sac_v2", "Pendulum-v1", changes)) == belied


def test_the_shipped_ablations_are_sound():
    for name in catalogue.shipped_ablation_names():
        for arm in (asked := catalogue.load_ablation(name)).arms:
            assert not asked.belied(arm, *catalogue.resolve(asked.baseline, "HalfCheetah-v5", arm.changes))


def test_a_sentence_fits_a_screen_and_holds_no_control_character():
    sentence = str(UsageError("x" * 5000 + "\n\x1b[31m\u202e" + "; did you mean 'this'?"))
    assert len(sentence) < LONGEST_SENTENCE + 50 and sentence.isprintable() and sentence.endswith("'this'?")
    loop: list = []
    loop.append(loop)
    for value in ("x" * 10**6, 16**5000, [[[["x" * 900] * 99] * 99] * 99] * 99, loop, {n: n for n in range(10**4)}):
        assert len(quoted(value)) < 300
    assert quoted("torhc") == "'torhc'" and quoted([1, 2]) == "[1, 2]"


def test_a_preset_that_cannot_be_read_is_a_sentence(monkeypatch, tmp_path):
    """A user's file in implementations/presets of a checkout."""
    monkeypatch.setattr(presets, "__path__", [*presets.__path__, str(tmp_path)])
    wrong = {"x = (": "line 1", "1 / 0": "division by zero", "x = 1": "has no SPEC, a SacSpec"}
    for i, (text, words) in enumerate(wrong.items()):
        (tmp_path / f"preset_{i}.py").write_text(text)
        with pytest.raises(UsageError, match=words):
            catalogue.load_preset(f"preset_{i}")

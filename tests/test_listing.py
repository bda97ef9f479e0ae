"""Reading copies: what is committed is what would be generated, computes what its engine does, and decides nothing."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import fields, replace

import numpy as np
import pytest
from conftest import suite
from test_parity import SPACES, Quick, inputs, start

import implementations
from suite import folding, listing, plan
from suite.spec import SacSpec

COPIES = [(preset, framework) for preset in listing.presets() for framework in listing.frameworks()]
ids = "-".join


def shrunk(preset: str):
    """A preset's spec at a size that is quick, in float64; a copy leaves these to the spec it is given."""
    return replace(plan.load_preset(preset).SPEC, hidden=(16, 16), batch_size=8, precision="float64")


def test_committed_copies_are_what_would_be_generated():
    assert listing.main(check=True) == [], "python -m suite listing"


@pytest.mark.parametrize(("preset", "framework"), COPIES, ids=map(ids, COPIES))
def test_copy_computes_what_its_engine_does(preset, framework):
    """One explained update and three more: everything seen, every parameter, target and moment, and the next actions.

    Bit for bit in torch, which runs the same operations. XLA may compile equal programs of another text differently.
    """
    pytest.importorskip(framework)
    copy = Quick(importlib.import_module(f"implementations.listings.{preset}_{framework}"))
    spec = shrunk(preset)
    ends = []
    for engine in (Quick(implementations.load(framework)), copy):
        rows, noise, obs, act_noise = inputs(spec)
        state = engine.init(spec, SPACES, start(spec, 0))
        _, seen = engine.explain(state, rows[:, :1], noise[:, :1])
        for k in range(rows.shape[1]):
            one = slice(k, k + 1)
            state, action, metrics = engine.update(state, rows[:, one], noise[:, one], obs, act_noise)
        found = {f"seen {name}": value for name, value in seen.items()} | engine.get_params(state)
        found |= {"action": action, "mean": engine.act(state, obs, None)}
        ends.append(found | {f"metric {name}": np.asarray(value) for name, value in metrics.items()})
    ours, theirs = ends
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        if framework == "torch":
            np.testing.assert_array_equal(theirs[name], value, err_msg=name)
        else:
            np.testing.assert_allclose(theirs[name], value, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("preset", "framework"), COPIES, ids=map(ids, COPIES))
def test_copy_decides_nothing_by_its_spec(preset, framework):
    """Nowhere is a field of the spec read but those that a copy leaves open, and no test reads any."""
    tree = ast.parse(listing.path(preset, framework).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"(.*\.)?spec", ast.unparse(node.value)):
            assert node.attr in folding.KEPT, ast.unparse(node)
        tests = [getattr(node, "test", None), getattr(node, "subject", None), *getattr(node, "ifs", ())]
        for test in filter(None, tests):
            assert "spec" not in ast.unparse(test), ast.unparse(test)


def test_copy_follows_its_engine():
    """A change of a line that a preset runs changes its copy; one in a branch that it does not take leaves it."""
    source, spec = listing.engine("torch").read_text(), plan.load_preset("sac_v2").SPEC
    before = folding.fold(source, spec)
    taken, passed = "return raw.clamp(low, high)", "return torch.log(F.softplus(raw) + floor)"
    assert "return raw.clamp(-20.0, 2.0)" in before
    assert source.count(taken) == source.count(passed) == 1
    changed = folding.fold(source.replace(taken, "return 3 * raw.clamp(low, high)"), spec)
    assert changed == before.replace("return raw.clamp(-20.0, 2.0)", "return 3 * raw.clamp(-20.0, 2.0)")
    assert folding.fold(source.replace(passed, "return raw"), spec) == before


def test_copy_names_every_source():
    text = listing.path("spinningup", "torch").read_text()
    sources = plan.load_preset("spinningup").SOURCES
    cited = [sources[field.name] for field in fields(SacSpec) if field.name not in folding.KEPT]
    assert len(cited) > 30 and all(source.split()[0] in text for source in cited)
    assert "Not reproduced:" in text and "do not edit" in text


def test_unknown_preset_is_a_sentence():
    said = suite("listing", "rlkitt")
    assert said.returncode == 2 and "did you mean 'rlkit'" in said.stderr


# --- what folding does, on engines of a few lines

HEAD = "from suite.spec import ClipLogStd, SacSpec, SquashLogStd\n\n\n"


def fold(body: str, **changes) -> str:
    """The function `update(spec, x, count)` of that body, folded for sac_v2."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    source = f"{HEAD}def update(spec: SacSpec, x, count: int):\n{lines}"
    (text,) = listing.formatted([folding.fold(source, replace(plan.load_preset("sac_v2").SPEC, **changes))])
    found = text.split("def update(spec: SacSpec, x, count: int):\n")[1].splitlines()
    return "\n".join(line.removeprefix("    ") for line in found)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return spec.tau * x", "return 0.005 * x"),
        ("return 2 * spec.critic_loss_scale * x", "return 2 * 0.5 * x"),
        ("return x if spec.value_net else -x", "return -x"),
        ("return (x + 1 if spec.critics == 2 else x) * 3", "return (x + 1) * 3"),
        ("if spec.critics == 1:\n    return x\n# why\nreturn -x", "# why\nreturn -x"),
        ("if spec.critics == 2:  # why\n    return x\nreturn -x", "# why\nreturn x"),
        (
            "if x:\n    return 1\nelif spec.critics == 1:\n    return 2\nelse:\n    return 3",
            "if x:\n    return 1\nelse:\n    return 3",
        ),
        (
            "if x:\n    return 1\nelif spec.critics == 2:\n    return 2\nelse:\n    return 3",
            "if x:\n    return 1\nelse:\n    return 2",
        ),
        ("if spec.critics == 2 and x:\n    return 1\nreturn 2", "if x:\n    return 1\nreturn 2"),
        ("if x or not spec.learns_alpha:\n    return 1\nreturn 2", "if x:\n    return 1\nreturn 2"),
        ("if x and spec.critics == 1:\n    return 1\nreturn 2", "return 2"),
        ("due = spec.critics == 2\nif due:\n    return 1\nreturn 2", "return 1"),
        ("k = 1\nif x:\n    k = 2\nreturn k", "k = 1\nif x:\n    k = 2\nreturn k"),
        ("k = 1\nfor _ in x:\n    k += 1\nreturn k", "k = 1\nfor _ in x:\n    k += 1\nreturn k"),
        (
            "match spec.std:\n"
            "    case SquashLogStd():\n        return 1\n"
            "    case ClipLogStd(low=low):\n        return low * x",
            "return -20.0 * x",
        ),
        ("return spec.precision == 'bfloat16_hidden'", "return False"),
        ("return spec.precision == 'float64'", 'return spec.precision == "float64"'),
        ("return len(spec.hidden) == 2", "return len(spec.hidden) == 2"),
        ("return spec.target_entropy(x)", "return -1.0 * x"),
        ("return spec.due(spec.target_every, count)", "return True"),
        ("return f'{spec.stages[0]}/{x}'", 'return f"critic/{x}"'),
        ("return f'{spec.stages[0]}'", 'return "critic"'),
        ("x[f'{spec.stages[0]}'], y = 1, 2\nreturn x, y", 'x["critic"], y = 1, 2\nreturn x, y'),
        ("return x(spec=spec.tau).tau", "return x(spec=0.005).tau"),
        (
            "def f(x, tau=spec.tau):\n    return x * tau\nreturn f",
            "def f(x, tau=0.005):\n    return x * tau\n\nreturn f",
        ),
    ],
)
def test_folding(body, expected):
    assert fold(body) == expected


def test_loop_over_stages_becomes_a_straight_line():
    body = (
        "for stage, turn in spec.turns:\n"
        "    if stage == 'target' and not x.due:\n"
        "        continue\n"
        "    if stage == 'critic':\n"
        "        x = x.critic(stage)\n"
        "    elif stage == 'value':\n"
        "        x = x.value()\n"
        "    elif stage == 'target':\n"
        "        x = x.target(stage, turn)\n"
        "        continue\n"
        "    x = x.after(stage)\n"
        "return x"
    )
    assert fold(body).split("\n") == [
        "# --- critic",
        'x = x.critic("critic")',
        'x = x.after("critic")',
        "",
        "# --- actor",
        'x = x.after("actor")',
        "",
        "# --- alpha",
        'x = x.after("alpha")',
        "",
        "# --- target",
        "if x.due:",
        '    x = x.target("target", 1)',
        "return x",
    ]


def test_what_a_module_or_a_class_defines_stays():
    source = HEAD + (
        "LOW = 3\n\n\nclass Net:\n    WIDTH = 5\n\n    def wide(self, x):\n        return x * self.WIDTH + LOW\n\n\n"
        "def update(spec: SacSpec, x):\n    return Net().wide(x) if spec.critics == 2 else x\n"
    )
    text = folding.fold(source, plan.load_preset("sac_v2").SPEC)
    assert "LOW = 3" in text and "WIDTH = 5" in text and "return Net().wide(x)\n" in text


def test_what_a_function_is_always_given_decides_its_branches():
    source = HEAD + (
        "def reduce(how, q):\n    if how == 'min':\n        return q.amin(0)\n    return q[0]\n\n\n"
        "def update(spec: SacSpec, x):\n    return reduce(spec.target_reduce, x) + reduce(spec.actor_reduce, x)\n\n\n"
        "def other(x):\n    return x\n"
    )
    spec = plan.load_preset("sac_v2").SPEC
    text = folding.fold(source, spec)
    assert "def reduce(how, q):\n    return q.amin(0)\n" in text and "other" not in text
    both = folding.fold(source, replace(spec, actor_reduce="first"))
    assert "if how == 'min':" in both

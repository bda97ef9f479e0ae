"""Conformance of the algorithms after SAC: recordings pass, and what is wrong in one, or repeated in it, is noticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.runs import ROOT

import implementations
from implementations.unoptimised import Quick
from suite.errors import UsageError
from suite.sac.spec import LayerNorm
from suite.specimens import conformance, later
from suite.specimens.catalogue import load_preset

FILES = [
    file
    for file in sorted((ROOT / "tests/vectors").glob("*.npz"))
    if conformance.OWN_KEYS.get(conformance.read(file).preset) == later.__name__
]
ENGINES = sorted(implementations.REGISTRY)


@pytest.fixture
def quick(monkeypatch):
    """Engines whose programs are compiled in less time: here they run once."""
    load = implementations.load
    monkeypatch.setattr(implementations, "load", lambda *asked: Quick(load(*asked)))


def recorded(stem):
    return conformance.read(ROOT / f"tests/vectors/{stem}.npz")


def examined(one, changes=None, name="torch"):
    return later.examine(one, replace(load_preset(one.preset).SPEC, **(changes or {})), name, "float64")


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recorded_updates_are_reproduced(quick, file, name):
    verdict = examined(conformance.read(file), name=name)
    assert verdict.passed and set(verdict.deviations) == {"expect", "grad", "after"}, verdict


def norm(preset, **changes):
    changed = replace(load_preset(preset).SPEC.critic_norm, **changes)
    return {"critic_norm": changed, "actor_norm": changed}


TQC, CROSSQ = (load_preset(name).SPEC for name in ("sb3_contrib_tqc", "sb3_contrib_crossq"))
WRONG = [
    ("sb3_contrib_tqc", {"quantiles": replace(TQC.quantiles, dropped=1)}),
    ("sb3_contrib_tqc", {"quantiles": replace(TQC.quantiles, target="minimum", dropped=0)}),
    ("sb3_contrib_tqc", {"actor_reduce": "min"}),
    ("sb3_contrib_tqc", {"critic_loss_scale": 1.0}),
    ("redq", {"target_subset": 1}),
    ("redq", {"gradients": "sequential"}),
    ("redq-delay1", {"gradients": "sequential"}),
    ("redq-delay1", {"actor_reduce": "min"}),
    ("redq-delay1", {"temperature": replace(load_preset("redq").SPEC.temperature, in_use_at_first=None)}),
    ("sb3_contrib_crossq", norm("sb3_contrib_crossq", variance="biased")),
    ("sb3_contrib_crossq", norm("sb3_contrib_crossq", momentum=0.98)),
    ("sb3_contrib_crossq", norm("sb3_contrib_crossq", eps=1e-5)),
    ("sb3_contrib_crossq", {"target_networks": True, "critic_norm": LayerNorm(eps=1e-3)}),
    ("sb3_contrib_crossq", {"actor_every": 1}),
    ("sbx_crossq", norm("sbx_crossq", variance="unbiased")),
    ("sbx_crossq", {"order": ("value", "actor", "critic", "alpha", "target")}),
    ("sbx_crossq", {"adam": replace(load_preset("sbx_crossq").SPEC.adam, beta1=0.9)}),
    ("sb3_contrib_crossq-renorm", {"temperature": replace(CROSSQ.temperature, beta1=None)}),
    ("sbx_tqc", {"critic_loss_scale": 0.5}),
    ("sbx_tqc", {"order": ("value", "actor", "critic", "target", "alpha")}),
    ("sbx_droq", {"critic_dropout": 0.02}),
    ("sbx_droq", {"critic_norm": LayerNorm(eps=1e-2)}),
    ("sbx_droq", {"actor_reduce": "mean"}),
]


@pytest.mark.parametrize(
    ("stem", "changes"), WRONG, ids=lambda value: value if isinstance(value, str) else ",".join(value)
)
def test_a_wrong_switch_is_caught(stem, changes):
    try:
        assert not examined(recorded(stem), changes).passed
    except UsageError as error:  # it has other parameters, or needs another draw
        assert stem.partition("-")[0] in str(error)


def test_renormalisation_begins_when_the_package_begins(monkeypatch):
    """In the second update after none: one update later it is another."""
    one = recorded("sb3_contrib_crossq-renorm")
    declared = conformance.DECLARED[one.preset, one.case]
    other = replace(declared.changes["critic_norm"], renorm="from")
    changed = {**declared.changes, "critic_norm": other, "actor_norm": other}
    monkeypatch.setitem(conformance.DECLARED, (one.preset, one.case), declared._replace(changes=changed))
    assert not examined(one).passed


@pytest.mark.parametrize(
    ("stem", "key", "value", "words"),
    [
        ("sb3_contrib_crossq", "after/1/bn_steps_critic", 3, "after/1/bn_steps_critic is 3 in the file and 2 by"),
        ("redq", "after/1/alpha_in_use", 0.3, "after/1/alpha_in_use is 0.3"),
        ("sb3_contrib_tqc", "expect/1/pi_quantiles", 0.0, "expect/1/pi_quantiles does not make the actor's loss"),
    ],
)
def test_what_a_file_repeats_must_be_so(stem, key, value, words):
    one = recorded(stem)
    other = one._replace(arrays=one.arrays | {key: np.full_like(one.arrays[key], value)})
    verdict = examined(other)
    assert not verdict.passed and any(text.startswith(words) for text in verdict.contradictions), verdict


@pytest.mark.parametrize("word", ["renorm_warmup_steps", "batch_norm_momentum", "rmax", "critics", "dropout_share"])
def test_another_setting_of_the_original_is_a_contradiction(word):
    one = recorded("sb3_contrib_crossq")
    other = one._replace(meta=one.meta | {"overrides": one.meta["overrides"] | {word: 0.25}})
    assert any(text.startswith(f"{word} is 0.25 in the file") for text in examined(other).contradictions)


def test_a_draw_chooses_the_recorded_critics():
    one, spec = recorded("redq"), replace(load_preset("redq").SPEC, critics=4, batch_size=16)
    draw = dict(later._arrays(one, spec))["noise/0/subset"]
    assert list(np.argsort(draw.reshape(-1)[:4], kind="stable")[:2]) == list(one.arrays["subset/0"]) == [2, 3]

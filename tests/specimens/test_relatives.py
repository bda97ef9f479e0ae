"""Conformance of SAC's relatives: recorded updates reproduced, and that another setting or another update is caught."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
from builders.runs import ROOT

import implementations
from implementations.unoptimised import Quick
from suite.errors import UsageError
from suite.specimens import conformance, relatives
from suite.specimens.catalogue import load_preset

NAMES = ("soft_q_learning", "haarnoja_gmm")
RECORDED = {name: conformance.read(ROOT / f"tests/vectors/{name}.npz") for name in NAMES}
FREE = {"hidden", "batch_size", "precision"}
"""What a recording may choose for itself."""
STARTS = {"init", "target_init"}
"""The recording gives the weights it starts from."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    load = implementations.load
    monkeypatch.setattr(implementations, "load", lambda *asked: Quick(load(*asked)))


def examined(recorded, engine="torch", precision="float64", **changes):
    return relatives.examine(recorded, replace(load_preset(recorded.preset).SPEC, **changes), engine, precision)


@pytest.mark.parametrize("engine", sorted(implementations.REGISTRY))
@pytest.mark.parametrize("name", NAMES)
def test_recorded_updates_are_reproduced(name, engine):
    for precision in ("float64", "float32"):
        verdict = examined(RECORDED[name], engine, precision)
        assert verdict.passed and set(verdict.deviations) == {"expect", "grad", "after"}, verdict


def mutations():
    for name in NAMES:
        spec = load_preset(name).SPEC
        for field in dataclasses.fields(spec):
            if field.name in FREE | STARTS:
                continue
            value = getattr(spec, field.name)
            other = replace(value, eps=1e-3) if field.name == "adam" else 2 * value
            yield name, field.name, {"tau": 0.5, "discount": 0.5}.get(field.name, other)


@pytest.mark.parametrize(("name", "field", "value"), list(mutations()))
def test_another_value_of_any_setting_is_noticed(name, field, value):
    try:
        passed = examined(RECORDED[name], **{field: value}).passed
    except UsageError:
        passed = False
    assert not passed


def test_a_tampered_number_is_noticed():
    recorded = RECORDED["soft_q_learning"]
    other = recorded.arrays | {"expect/2/kernel_h": recorded.arrays["expect/2/kernel_h"] * np.float32(1.001)}
    verdict = examined(recorded._replace(arrays=other))
    assert not verdict.passed and verdict.deviations["expect"].where == "kernel_h, update 2"


def test_what_the_file_says_of_the_original_is_held_against_the_preset():
    for name, recorded in RECORDED.items():
        overrides = recorded.meta["overrides"] | {"reward_scale": 7.0}
        verdict = examined(recorded._replace(meta=recorded.meta | {"overrides": overrides}))
        assert not verdict.passed and "reward_scale is 7.0 in the file" in verdict.contradictions[0], name


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("haarnoja_gmm", {"noise/1/component": None}, "noise/1/component is absent; haarnoja_gmm needs it"),
        ("haarnoja_gmm", {"expect/1/log_weights": None}, r"holds no recorded updates .*KeyError.*expect/1/log_weights"),
        ("soft_q_learning", {"noise/0/latents": np.zeros((16, 3, 3))}, r"noise/0/latents is of shape \(16, 3, 3\)"),
        ("soft_q_learning", {"init/updates_done": np.array(7)}, "updates_done is nothing that soft_q_learning has"),
        ("soft_q_learning", {"exspect/0/x": np.zeros(1)}, "did you mean 'expect'"),
        ("soft_q_learning", {"after/2/critic1/w0": None}, "after/2/critic1/w0 is absent"),
    ],
)
def test_a_malformed_file_is_one_sentence(name, changes, words):
    arrays = {key: value for key, value in (RECORDED[name].arrays | changes).items() if value is not None}
    with pytest.raises(UsageError, match=words):
        examined(RECORDED[name]._replace(arrays=arrays))

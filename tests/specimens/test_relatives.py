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


@pytest.mark.parametrize("engine", sorted(implementations.REGISTRY))
@pytest.mark.parametrize("name", NAMES)
def test_recorded_updates_are_reproduced(name, engine):
    for precision in ("float64", "float32"):
        verdict = relatives.examine(RECORDED[name], engine, precision)
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
def test_another_value_of_any_setting_is_noticed(name, field, value, monkeypatch):
    own = load_preset(name)
    monkeypatch.setattr(own, "SPEC", replace(own.SPEC, **{field: value}))
    try:
        passed = relatives.examine(RECORDED[name], "torch", "float64").passed
    except UsageError:
        passed = False
    assert not passed


def test_a_tampered_number_is_noticed():
    recorded = RECORDED["soft_q_learning"]
    other = recorded.arrays | {"expect/2/kernel_h": recorded.arrays["expect/2/kernel_h"] * np.float32(1.001)}
    verdict = relatives.examine(recorded._replace(arrays=other), "torch", "float64")
    assert not verdict.passed and verdict.deviations["expect"].where == "kernel_h, update 2"


def test_a_file_that_lacks_something_is_refused_in_a_sentence():
    recorded = RECORDED["haarnoja_gmm"]
    lacking = {key: value for key, value in recorded.arrays.items() if key != "noise/1/component"}
    with pytest.raises(UsageError, match=r"holds no recorded updates of haarnoja_gmm \(KeyError.*noise/1/component"):
        relatives.examine(recorded._replace(arrays=lacking), "torch", "float64")

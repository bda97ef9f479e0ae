"""Changes of single values: that all are asked, that the list of those which nothing notices is true, and shrinks."""

from __future__ import annotations

import json
import random
from typing import get_args, get_origin

import numpy as np
import pytest
from builders.runs import ROOT

from suite.files import hints
from suite.sac.identity import neutral_of
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec
from suite.sac.specs import KINDS
from suite.specimens import mutations
from suite.specimens.catalogue import load_preset, preset_names
from suite.specimens.conformance import DECLARED, OWN_KEYS
from suite.specimens.switches import presets_page

SAMPLE = {SacSpec: 40, Schedule: 6}
"""Mutants that are asked anew here; all of them: python -m suite mutations."""


@pytest.fixture(scope="module")
def recorded():
    return mutations.recordings(ROOT / "tests/vectors", ROOT / "tests/schedules")


@pytest.fixture(scope="module")
def asked(recorded):
    """Every (preset, mutant, recordings)."""
    return [(name, *each) for name, of in recorded.items() for each in of.asked(name)]


def listed(name, mutant):
    of = mutations.known()[name]
    return mutant.field in of.fields or mutant.name in of.values


# --- what is asked


def names(tableau):
    return [mutant.name for mutant in mutations.mutants(tableau)]


def test_a_value_is_changed_to_every_other():
    found = {*names(load_preset("coach").SPEC)}
    assert {one for one in found if one.startswith("actor_reduce")} == {"actor_reduce is mean", "actor_reduce is first"}
    assert {"reward_scale is 10.0", "entropy_in_target is False", "gaussian_eps is 0.01", "critics is 4"} <= found
    assert {"discount is 0.495", "adam.beta2 is 0.495", "std.high is 4.0", "target_copy_every is 2000"} <= found
    assert {"value_net is None", "value_net.loss_scale is 2.0", "target_copy_every is None", "std is ExpStd()"} <= found
    assert {"order is actor value target critic", "order is critic target value actor"} <= found
    assert (
        sum(one.startswith("order") for one in found) == 23
    )  # of its four stages, without alpha's, which it never has
    assert "temperature.value is 2.0" in found and any(one.startswith("temperature is LearnedAlpha") for one in found)
    of_schedule = {*names(load_preset("coach").SCHEDULE)}
    assert {"insert is step", "reset_every is 1000", "reset_every.every is 2000"} <= of_schedule
    assert {"warmup_steps is 20000", "learn_in_warmup is True", "epoch_steps is 1000"} <= of_schedule


def test_an_order_is_no_setting_where_all_is_simultaneous():
    assert not any(one.startswith("order") for one in names(load_preset("rlkit").SPEC))


def test_updates_cannot_wait_for_an_episode_that_each_burst_ends():
    waiting = {"rlkit": False, "spinningup": True, "coach": True}
    for name, legal in waiting.items():
        assert ("update_position is after_episode" in names(load_preset(name).SCHEDULE)) == legal, name


@pytest.mark.parametrize("name", preset_names())
def test_mutants_are_other_values_and_each_is_one(name):
    module = load_preset(name)
    for tableau in (module.SPEC, module.SCHEDULE):
        made = list(mutations.mutants(tableau))
        assert tableau not in [one.tableau for one in made]
        assert len({one.name for one in made}) == len(made)


def test_every_field_of_a_preset_is_changed_somewhere_and_every_kind_is_tried(asked):
    fields = {mutant.field.split(".")[0] for _, mutant, _ in asked}
    assert fields == {name for kind in (*KINDS, Schedule) for name in hints(kind)}
    for tableau in (SacSpec, Schedule):
        for name, hint in hints(tableau).items():
            kinds = [one for one in get_args(hint) if get_origin(one) is None and isinstance(one, type)]
            if get_origin(hint) not in (tuple, None) and len(kinds) > 1:
                tried = {type(value) for value in mutations.KINDS[name]}
                assert tried >= {kind for kind in kinds if kind is not int or name != "time_limit"}, name


# --- what nothing notices


def test_the_list_is_of_all_presets_with_recordings_as_they_are(recorded):
    """After a change of a preset or a recording: python -m suite mutations."""
    known = mutations.known()
    assert set(known) == set(recorded)
    for name, of in recorded.items():
        assert known[name].basis == mutations.basis(name, of), name


def test_the_list_names_changes_that_are_asked(asked):
    for name, of in mutations.known().items():
        its = [mutant for preset, mutant, _ in asked if preset == name]
        assert set(of.fields) <= {mutant.field for mutant in its}, name
        assert set(of.values) <= {mutant.name for mutant in its if mutant.field not in of.fields}, name


@pytest.mark.parametrize("kind", SAMPLE)
def test_a_sample_of_changes_is_noticed_or_listed(asked, kind):
    of_kind = [one for one in asked if isinstance(one[1].tableau, kind)]
    for name, mutant, recordings in random.Random(1).sample(of_kind, SAMPLE[kind]):
        noticed = any(mutations.notices(one, mutant) for one in recordings)
        assert noticed != listed(name, mutant), (name, mutant.name)


def test_what_a_preset_must_not_pass_with_is_not_listed(recorded):
    known = mutations.known()
    relatives = {name for name, examiner in OWN_KEYS.items() if examiner.endswith("relatives")}
    for name in (name for name, of in recorded.items() if of.updates and name not in relatives):
        spec = load_preset(name).SPEC
        learned = spec.learns_alpha
        fields = {"reward_scale", "critics", "actor_lr", "critic_lr", "discount", "tau", "entropy_in_target"}
        fields |= {"temperature.lr", "temperature.entropy_per_dim", "temperature.objective"} if learned else set()
        fields |= {*neutral_of(SacSpec)} - {"actor_hidden"}  # whose sizes are the recording's own
        fields -= set() if spec.target_networks else {"tau"}
        declared = {field for (preset, _), one in DECLARED.items() if preset == name for field in one.changes}
        assert not (fields - declared) & {*known[name].fields}, name
    starts_and_sizes = {"batch_size", "hidden", "init", "precision", "target_init"}
    assert all({*known[name].fields} <= starts_and_sizes and not known[name].values for name in relatives)
    proved_units = {name for name, of in known.items() if "log_prob_units" not in of.fields and recorded[name].updates}
    assert proved_units >= {"spinningup", "cleanrl", "stable_baselines3"}
    assert "target_copy_every" not in known["coach"].fields and "std.low" not in known["spinningup"].fields


def test_the_page_shows_the_list():
    page = presets_page().partition("## Read, not proved")[2]
    shared = page.partition("Of every preset with both: ")[2].split("\n")[0]
    for name, of in mutations.known().items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert all(value in row for value in of.values)
        assert all(field in row or field in shared for field in of.fields)


# --- it may only shrink


def test_a_list_that_would_grow_is_not_written(tmp_path, monkeypatch, recorded):
    monkeypatch.setattr(mutations, "UNNOTICED", tmp_path / "unnoticed.json")
    of = mutations.Unnoticed(["tau"], ["std is ExpStd()"], ["", ""])
    now = {"sbx": of}
    monkeypatch.setattr(mutations, "recordings", lambda *folders: {"sbx": recorded["sbx"]})
    monkeypatch.setattr(mutations, "unnoticed", lambda name, recordings: now[name])

    def record():
        return mutations.record(ROOT, ROOT, lambda line: None)

    assert record() == [] and mutations.known() == now
    now["sbx"] = of._replace(fields=["discount", "std", "tau"], values=["actor_reduce is mean"])
    assert record() == ["sbx: discount", "sbx: std", "sbx: actor_reduce is mean"] and mutations.known() == {"sbx": of}
    now["sbx"] = of._replace(fields=[], values=["tau is 0.01"])
    assert record() == [] and mutations.known() == now
    (tmp_path / "unnoticed.json").write_text(json.dumps({}))
    now["sbx"] = of
    assert record() == [] and mutations.known() == now


def test_a_recording_counts_by_what_it_says(recorded):
    one = recorded["sbx"]
    update = one.updates[0]
    moved = update._replace(arrays=update.arrays | {"batch/0/obs": update.arrays["batch/0/obs"] + np.float32(1)})
    assert one._replace(updates=[moved]).digest != one.digest


@pytest.mark.slow
def test_the_whole_list_is_true(recorded):
    for name, of in recorded.items():
        assert mutations.unnoticed(name, of) == mutations.known()[name], name

"""Conformance: recorded updates of the original code bases, through our engines; and that what is wrong is caught."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from builders.runs import ROOT, called

import implementations
from implementations.unoptimised import Quick
from suite.errors import UsageError
from suite.sac.spec import ClipLogStd, EpsilonLogDet, ExactLogDet, FixedAlpha, SoftplusStd
from suite.specimens import conformance, naming
from suite.specimens.catalogue import load_preset, preset_names

FILES = [
    file
    for file in sorted((ROOT / "tests/vectors").glob("*.npz"))
    if conformance.read(file).preset not in conformance.OWN_KEYS
]
LOOPS = sorted((ROOT / "tests/schedules").glob("*.npz"))
ENGINES = sorted(implementations.REGISTRY)


@pytest.fixture
def quick(monkeypatch):
    """Engines whose programs are compiled in less time: here they run once."""
    load = implementations.load
    monkeypatch.setattr(implementations, "load", lambda *asked: Quick(load(*asked)))


def tampered(tmp_path, file, **arrays):
    """A copy of a file with some arrays replaced (None: left out); "meta" as a dict."""
    with np.load(file) as found:
        kept = {name: found[name] for name in found.files} | arrays
    if isinstance(kept.get("meta"), dict):
        kept["meta"] = json.dumps(kept["meta"])
    path = tmp_path / file.name
    np.savez(path, **{name: value for name, value in kept.items() if value is not None})
    return path


def meta_of(file):
    with np.load(file) as found:
        return json.loads(str(found["meta"]))


def of(name):
    return ROOT / f"tests/vectors/{name}.npz"


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recorded_updates_are_reproduced(quick, file, name):
    verdict = conformance.examine(conformance.load(file), name, "float64")
    assert verdict.passed, verdict
    assert {"expect", "after"} <= set(verdict.deviations)


def test_float32_stays_within_the_tolerance_too():
    """Of what the original computed in float32; float64 recordings have gradients that float32 cannot resolve."""
    of_float32 = [vectors for vectors in map(conformance.load, FILES) if vectors.arrays["init/actor/w0"].itemsize == 4]
    assert len(of_float32) >= 19
    for vectors in of_float32:
        assert conformance.examine(vectors, "torch", "float32").passed, vectors.path


WRONG = {
    "cleanrl": [{"actor_repeats": 1}, {"actor_every": 1}, {"critic_loss_scale": 0.5}],
    "cleanrl-saturated": [{"log_det": ExactLogDet()}, {"log_det": EpsilonLogDet(eps=2e-6)}],
    "coach": [{"pathwise_noise": "shared"}, {"first_critic_layer": "concat"}, {"actor_reduce": "first"}],
    "haarnoja_sac": [{"actor_reduce": "min"}, {"gradients": "sequential"}, {"log_det": ExactLogDet()}, {"tau": 0.01}],
    "rlkit": [{"critic_loss_scale": 0.5}, {"gradients": "sequential"}, {"target_reduce": "mean"}],
    "sbx": [{"gradients": "simultaneous", "order": ("value", "critic", "actor", "alpha", "target")}],
    "spinningup": [{"temperature": FixedAlpha(value=0.21)}, {"actor_lr": 3e-4}, {"std": ClipLogStd(low=-1, high=-0.9)}],
    "stable_baselines-auto": [{"gaussian_eps": 1e-4}, {"value_net": "per_sample"}, {"actor_reduce": "min"}],
    "stable_baselines3": [
        {"log_det": EpsilonLogDet(eps=1e-3)},
        {"order": ("value", "actor", "critic", "alpha", "target")},
    ],
    "stable_baselines3-logstdclip": [{"std": ClipLogStd(low=-20, high=3)}, {"std": SoftplusStd(floor=1e-5)}],
    "tianshou-autoalpha": [{"discount": 0.98}, {"target_every": 2}, {"entropy_in_target": False}],
}


@pytest.mark.parametrize(
    ("name", "changes"),
    [(name, changes) for name, every in WRONG.items() for changes in every],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_a_wrong_switch_is_caught(name, changes):
    """Each wrong reading of a code base exceeds the tolerance on the very vectors that the right one passes."""
    vectors = conformance.load(of(name))
    if changes.get("value_net") == "per_sample":
        changes = {"value_net": replace(vectors.spec.value_net, target="per_sample")}
    if changes.get("first_critic_layer") == "concat":
        stacked = {}
        for key, value in vectors.arrays.items():
            if key.endswith("w0_obs"):
                other = vectors.arrays[key.replace("_obs", "_act")]
                stacked[key.removesuffix("_obs")] = np.concatenate([value, other])
                b = key.replace("w0", "b0")
                stacked[b.removesuffix("_obs")] = vectors.arrays[b] + vectors.arrays[b.replace("_obs", "_act")]
        vectors = vectors._replace(arrays=vectors.arrays | stacked)
    wrong = vectors._replace(spec=replace(vectors.spec, **changes))
    assert not conformance.examine(wrong, "torch", "float64").passed


@pytest.mark.parametrize("key", ["expect/1/target_q", "grad/2/actor/w_mean", "after/0/critic2/b1", "after/2/log_alpha"])
def test_numbers_off_by_twice_the_tolerance_are_caught(tmp_path, key):
    with np.load(of("rlkit")) as found:
        value = found[key].astype(float)
    allowed = 2 * (conformance.FIRST if "/0/" in key else conformance.LATER) * 3e-4
    if not key.startswith("after"):
        allowed = 2 * conformance.RELATIVE * np.abs(value).max()
    value.reshape(-1)[np.abs(value).argmin()] += 1.5 * allowed
    path = tampered(tmp_path, of("rlkit"), **{key: value})
    verdict = conformance.examine(conformance.load(path), "torch", "float64")
    assert not verdict.passed
    worst = verdict.deviations[key.split("/")[0]]
    assert worst.where == f"{key.split('/', 2)[2]}, update {key.split('/')[1]}"


def test_what_the_engine_does_not_tell_is_a_deviation(tmp_path):
    path = tampered(tmp_path, of("sbx"), **{"expect/0/advantage": np.zeros(16, np.float32)})
    verdict = conformance.examine(conformance.load(path), "torch", "float64")
    assert not verdict.passed and "advantage, update 0: not there" in verdict.deviations["expect"].where


def test_delays_follow_the_code_bases_own_count():
    """CleanRL one step later in its own count: the actor would move in updates 0 and 2, which the vectors deny."""
    recorded = conformance.read(of("cleanrl"))
    overrides = recorded.meta["overrides"] | {"first_update_index": 5002}
    later = recorded._replace(meta=recorded.meta | {"overrides": overrides})
    with pytest.raises(UsageError, match=r"noise/0/action is absent; cleanrl needs it as \(16, 3\)"):
        conformance.vectors_of(later, replace(load_preset("cleanrl").SPEC, first_update=5002))


# --- several steps in one


@pytest.mark.parametrize("key", ["reward", "next_obs", "terminated", "discount", "index"])
def test_batches_that_the_recorded_replay_does_not_give_are_refused(tmp_path, key):
    with np.load(of("stable_baselines3-nstep3")) as found:
        value = found[f"batch/1/{key}"]
    wrong = (value + 1) % 20 if key == "index" else value + 1e-3
    with pytest.raises(UsageError, match="is not what 3 steps of the recorded replay come to"):
        conformance.load(tampered(tmp_path, of("stable_baselines3-nstep3"), **{f"batch/1/{key}": wrong}))


@pytest.mark.parametrize("key", ["buffer/timeout", "buffer/pos", "batch/2/discount"])
def test_a_recording_of_several_steps_needs_its_replay(tmp_path, key):
    with pytest.raises(UsageError, match=f"holds no vectors of the shared format .*{key}"):
        conformance.load(tampered(tmp_path, of("stable_baselines3-nstep3"), **{key: None}))


def test_one_step_is_not_three(monkeypatch):
    monkeypatch.setattr(conformance, "DECLARED", {})
    vectors = conformance.vectors_of(
        conformance.read(of("stable_baselines3-nstep3")), load_preset("stable_baselines3").SPEC
    )
    assert vectors.contradictions == ("n_steps is 3 in the file and 1 in the preset",)


# --- nothing that a preset decides comes from the file


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("cleanrl", {"temperature": {"lr": 2e-3}}),
        ("cleanrl", {"temperature": {"entropy_per_dim": -0.5}}),
        ("cleanrl", {"temperature": {"objective": "log_alpha"}}),
        ("coach", {"reward_scale": 10.0}),
        ("coach", {"temperature": {"value": 0.5}}),
        ("spinningup", {"temperature": {"value": 0.1}}),
        ("pytorch_sac", {"first_update": 5001}),
        ("sbx", {"critic_lr": 1e-3}),
    ],
)
def test_a_preset_that_is_set_otherwise_fails_on_its_own_file(monkeypatch, name, changes):
    spec = load_preset(name).SPEC
    for field, value in changes.items():
        value = replace(getattr(spec, field), **value) if isinstance(value, dict) else value
        monkeypatch.setattr(load_preset(name), "SPEC", replace(spec, **{field: value}))
    (found, _) = conformance.run([of(name)], ["torch"])
    assert isinstance(found, conformance.Verdict) and not found.passed
    assert found.contradictions and all(" in the file and " in one for one in found.contradictions)
    assert found.contradictions[0] in conformance.render([found])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("critics", 3),
        ("fixed_alpha", 0.1),
        ("learned_alpha", {"objective": "alpha", "sample": "actor", "lr": 3e-4}),
        ("target_entropy", -2.0),
        ("reward_scale", 2.0),
        ("first_update_index", 1),
        ("n_step", 3),
    ],
)
def test_what_the_file_says_of_the_original_is_held_against_the_preset(tmp_path, field, value):
    meta = meta_of(of("rlkit"))
    meta["overrides"][field] = value
    verdict = conformance.examine(conformance.load(tampered(tmp_path, of("rlkit"), meta=meta)), "torch", "float64")
    assert not verdict.passed and verdict.contradictions[0].startswith(f"{field} is ")


def test_the_learning_rates_of_the_file_are_held_against_the_preset(tmp_path):
    meta = meta_of(of("rlkit"))
    meta["learning_rates"]["alpha"] = 1e-3
    verdict = conformance.examine(conformance.load(tampered(tmp_path, of("rlkit"), meta=meta)), "torch", "float64")
    assert not verdict.passed and "the learning rates are" in verdict.contradictions[0]


def test_a_case_in_another_setting_is_declared_with_its_fields_and_no_more(monkeypatch):
    declared = {case: of for case, of in conformance.DECLARED.items() if case[0] not in conformance.OWN_KEYS}
    recorded = {(one.preset, one.case): one for one in map(conformance.read, FILES)}
    assert set(declared) <= set(recorded)
    for name, _ in (case for case, of_case in declared.items() if "first_update" in of_case.changes):
        spec = load_preset(name).SPEC  # as the reason says: nothing divides the count
        assert (spec.actor_every, spec.target_every) == (1, 1), name
    monkeypatch.setattr(conformance, "DECLARED", {})
    for case, of_case in declared.items():
        module = load_preset(case[0])
        ours = vars(module.SPEC) | vars(module.SCHEDULE)
        assert all(ours[field] != value for field, value in of_case.changes.items()), case
        assert len(of_case.reason) > 40 and conformance.vectors_of(recorded[case], module.SPEC).contradictions, case


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"meta": {"preset": "rlkitt"}}, "preset 'rlkitt', which is unknown; did you mean 'rlkit'"),
        ({"meta": {"updates": None}}, "holds no vectors of the shared format"),
        ({"meta": "not JSON"}, "holds no vectors of the shared format"),
        ({"meta": None}, "holds no vectors of the shared format"),
        ({"batch/1/reward": None}, "batch/1/reward is absent"),
        ({"noise/0/action": np.zeros((16, 2))}, r"noise/0/action is of shape \(16, 2\)"),
        ({"noise/0/third": np.zeros((16, 3))}, "noise/0/third is no draw of rlkit"),
        ({"init/critic2/w1": None}, "init/critic2/w1 is absent"),
        ({"exspect/0/alpha": np.zeros(())}, "did you mean 'expect'"),
        ({"expect/three/alpha": np.zeros(())}, "expect/three/alpha names none of the updates 0 to 2"),
        ({"after/3/log_alpha": np.zeros(())}, "after/3/log_alpha names none of the updates 0 to 2"),
        ({"meta": {"updates": "3"}}, "updates must be a whole number from 1, not '3'"),
        ({"meta": {"updates": 0}}, "updates must be a whole number from 1, not 0"),
        ({"meta": {"case": ["default"]}}, r"case is \['default'\], which is no name"),
        ({"meta": {"case": None}}, "holds no vectors of the shared format"),
        ({"expect/0/alpha": np.array("1")}, "expect/0/alpha is not of real numbers"),
        ({"expect/0/alpha": np.array(1 + 1j)}, "expect/0/alpha is not of real numbers"),
        ({"after/2/target_critic1/b1": None}, "after/2/target_critic1/b1 is absent; rlkit needs it"),
        ({"init/updates_done": np.array(7)}, "init/updates_done is nothing that rlkit has"),
        ({"init/adam_v/actor/b0": np.ones(32)}, "init/adam_v/actor/b0 is nothing that rlkit has"),
        ({"batch/0/discount": np.ones(16)}, "batch/0/discount is nothing that rlkit has"),
        ({"batch/0/action": None, "batch/0/actor": np.zeros((16, 3))}, "batch/0/action is absent"),
        ({"noise/0/first/action": np.zeros((16, 3))}, "noise/0/first/action is no draw of rlkit"),
        ({"overrides": {"action_high": 0.0}}, "action_high must be positive, not 0.0"),
        ({"overrides": {"action_high": float("nan")}}, "action_high must be positive, not nan"),
        ({"overrides": {"act_dim": 3.0}}, "must be whole numbers from 1, not 11 and 3.0"),
    ],
)
def test_a_malformed_file_is_one_sentence(tmp_path, changes, words):
    if isinstance(changes.get("meta"), dict):
        meta = meta_of(of("rlkit")) | changes["meta"]
        changes = {"meta": {key: value for key, value in meta.items() if value is not None}}
    if "overrides" in changes:
        meta = meta_of(of("rlkit"))
        changes = {"meta": meta | {"overrides": meta["overrides"] | changes["overrides"]}}
    with pytest.raises(UsageError, match=words):
        conformance.load(tampered(tmp_path, of("rlkit"), **changes))


def test_a_file_with_nothing_to_compare_is_refused_not_passed(tmp_path):
    with np.load(of("rlkit")) as found:
        gone = {name: None for name in found.files if name.startswith(("expect/", "grad/", "after/"))}
    with pytest.raises(UsageError, match="after/0/actor/w0 is absent"):
        conformance.load(tampered(tmp_path, of("rlkit"), **gone))


def test_an_array_of_nothing_is_a_deviation(tmp_path):
    for key in ("expect/0/target_q", "grad/0/critic1/w0"):
        path = tampered(tmp_path, of("rlkit"), **{key: np.zeros(0)})
        verdict = conformance.examine(conformance.load(path), "torch", "float64")
        assert not verdict.passed and "another shape" in verdict.deviations[key.split("/")[0]].where


def test_a_damaged_file_is_one_sentence(tmp_path):
    """No file, an empty one, one cut off, and one whose compressed bytes are spoilt."""
    path = tmp_path / "a.npz"
    with np.load(of("rlkit")) as whole_file:
        np.savez_compressed(path, **whole_file)
    whole = path.read_bytes()
    spoilt = bytes(255 - byte if 100 <= n < 2000 and n % 7 == 0 else byte for n, byte in enumerate(whole))
    for content in (b"", whole[: len(whole) // 2], spoilt):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"a\.npz holds no vectors of the shared format"):
            conformance.read(path)


def test_what_must_be_zero_is_compared_too():
    assert conformance.Deviation(0.0, 0.0, "").share == 0
    assert conformance.Deviation(1e-9, 0.0, "").share == np.inf


def test_a_part_of_the_vectors_is_not_recorded():
    before = naming.STATES.read_bytes()
    for arguments in (["--implementation", "torch"], ["--schedule"], [of("sbx")]):
        refused = called("conformance", "--record", *arguments)
        assert refused.returncode == 2 and "leave out" in refused.stderr
    assert naming.STATES.read_bytes() == before


def test_exit_codes(tmp_path):
    good = called("conformance", "--implementation", "torch", of("sbx"))
    assert good.returncode == 0 and "none exceeds it" in good.stdout
    with_gradients = called("conformance", "--implementation", "torch", "--json", of("spinningup"))
    assert with_gradients.returncode == 0 and all(row["passed"] for row in json.loads(with_gradients.stdout))
    meta = meta_of(of("sbx"))
    meta["overrides"]["learned_alpha"]["objective"] = "alpha"
    bad = called("conformance", "--implementation", "torch", "--json", tampered(tmp_path, of("sbx"), meta=meta))
    assert bad.returncode == 1
    assert [row["passed"] for row in json.loads(bad.stdout)] == [False, False]
    (tmp_path / "text.npz").write_text("no archive")
    for arguments in ([tmp_path / "text.npz"], [tmp_path / "nothing.npz"], ["--implementation", "torhc", of("sbx")]):
        refused = called("conformance", *arguments)
        assert refused.returncode == 2 and refused.stderr.startswith("error: ") and "Traceback" not in refused.stderr


def test_a_file_that_cannot_be_examined_does_not_keep_the_others_from_it(tmp_path):
    """A broken file, one of nobody's preset and one with keys of its own: three sentences, and sbx is examined."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.npz").write_text("no archive")
    tampered(folder, of("rlkit"), meta=meta_of(of("rlkit")) | {"preset": "rlkitt"})
    tampered(folder, of("coach"), meta=meta_of(of("coach")) | {"own_keys": "another actor"})
    (folder / "sbx.npz").write_bytes(of("sbx").read_bytes())
    found = called("conformance", "--implementation", "torch", folder)
    assert found.returncode == 1 and "sbx" in found.stdout and "none exceeds it" in found.stdout
    sentences = found.stderr.splitlines()
    assert [line.startswith("not examined: ") for line in sentences] == [True] * 3
    assert "holds no vectors" in sentences[0] and "keys of its own" in sentences[1] and "unknown" in sentences[2]


def test_a_specimen_with_keys_of_its_own_is_examined_by_its_own_module(tmp_path, monkeypatch):
    examiner = ModuleType("examiner")
    examiner.examine = lambda recorded, spec, name, precision: conformance.Verdict(
        recorded.preset, recorded.case, name, precision, {"after": conformance.Deviation(0.0, 1.0, "w0, update 0")}
    )
    monkeypatch.setitem(sys.modules, "examiner", examiner)
    monkeypatch.setitem(conformance.OWN_KEYS, "coach", "examiner")
    path = tampered(tmp_path, of("coach"), meta=meta_of(of("coach")) | {"own_keys": "another actor"})
    assert [one.deviations["after"].where for one in conformance.run([path], ["torch"])] == ["w0, update 0"] * 2


# --- what a preset may be called


def test_states_are_those_of_the_present_values():
    """After a change of an engine or preset: python -m suite conformance --record."""
    conforming = {conformance.read(file).preset for file in FILES} & {conformance.read(file).preset for file in LOOPS}
    assert len(conforming) >= 16
    for name in preset_names():
        found = naming.state(name)
        ours = hasattr(load_preset(name), "OURS")
        own_keys = name in conformance.OWN_KEYS
        expected = "ours" if ours else "conforms" if name in conforming else "from source"
        assert own_keys or found.name == expected, (name, found)


def test_a_state_is_lost_with_other_code_and_with_a_failure(tmp_path, monkeypatch):
    table = json.loads(naming.STATES.read_text())
    monkeypatch.setattr(naming, "STATES", tmp_path / "states.json")
    assert naming.state("rlkit").name == "from source"
    table["rlkit"]["basis"]["versions"]["jax"] = 0
    table["coach"]["basis"]["spec"] = "0" * 10
    table["cleanrl"]["basis"]["schedule"] = "0" * 10
    table["softlearning"]["basis"]["versions"]["loop"] = 0
    table["sbx"]["passed"]["torch"] = False
    table["jaxrl"]["loop_passed"] = False
    table["tianshou"]["loops"] = []
    table["haarnoja_sac"]["updates"] = []
    naming.STATES.write_text(json.dumps(table))
    assert naming.state("rlkit").name == "from source" and naming.display_name("rlkit") == "rlkit (from source)"
    assert {naming.state(name).name for name in ("coach", "cleanrl", "softlearning")} == {"from source"}
    assert naming.state("sbx") == ("after", "its recorded updates (default) are exceeded in torch")
    assert naming.display_name("sbx") == "after sbx"
    assert naming.state("jaxrl") == ("after", "its recorded loops (mixed) do otherwise")
    assert naming.state("tianshou") == ("from source", "its update conforms (autoalpha); its loop is not recorded")
    assert naming.state("haarnoja_sac").reason == "its loop conforms (limits, mixed); its update is not recorded"
    assert naming.display_name("spinningup") == "spinningup"
    monkeypatch.setattr(load_preset("spinningup"), "AFTER", "its updates come one step late", raising=False)
    assert naming.state("spinningup") == ("after", "its updates come one step late")

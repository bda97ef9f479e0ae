"""The presets that stand for a code base: what they say of themselves, and their decisive switches against a table."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from suite.lab.tasks import TASKS
from suite.sac.cited import ABSENT
from suite.sac.identity import neutral_of
from suite.sac.schedule import BootstrapAtLength, ResetFromWarmup, Schedule
from suite.sac.spec import (
    BatchRenorm,
    ClipLogStd,
    EpsilonLogDet,
    ExactLogDet,
    ExpStd,
    FixedAlpha,
    FlooredLogDet,
    LayerNorm,
    LearnedAlpha,
    Orthogonal,
    Quantiles,
    SacSpec,
    SoftplusStd,
    SquashLogStd,
    Uniform,
)
from suite.specimens.catalogue import load_preset, preset_names, resolve

OF_PAPERS = {"sac_v1", "sac_v2", "sac_v1_small", "sac_v2_small"}
RELATIVES = ("soft_q_learning", "haarnoja_gmm")
COMMON = ("stable_baselines3_common", "sbx_common", "tianshou_common", "cleanrl_common")
PLACE = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{7,40} [\w./-]+\.(py|yml|yaml|md):\d+")
HONEST = ("ours: ", "float32, as the code base computes")
"""What a source may begin with instead of a place in a repository."""

F32 = EpsilonLogDet(eps=1.1920928955078125e-07)
SBX_NORM = BatchRenorm(eps=1e-3, momentum=0.99, warmup=100_000, variance="biased", renorm="from")
CONTRIB_NORM = BatchRenorm(eps=1e-3, momentum=0.99, warmup=100_000, variance="unbiased", renorm="after")
SIX, EXACT, CLIP = EpsilonLogDet(eps=1e-6), ExactLogDet(), ClipLogStd(low=-20.0, high=2.0)
COLUMNS = (
    *("hidden", "batch_size", "actor_lr", "critic_lr", "tau", "critic_loss_scale", "std", "log_det", "actor_reduce"),
    *("learn_after", "warmup_steps", "replay_capacity", "evaluation_action"),
)
TABLE = {
    "softlearning": (
        256,
        256,
        3e-4,
        3e-4,
        0.005,
        0.5,
        SoftplusStd(floor=1e-5),
        EXACT,
        "mean",
        10001,
        10000,
        1e6,
        "sample",
    ),
    "softlearning_tf1": (256, 256, 3e-4, 3e-4, 0.005, 0.5, ExpStd(), EXACT, "min", 10001, 10000, 1e6, "mean"),
    "haarnoja_sac": (256, 256, 3e-4, 3e-4, 0.005, 0.5, CLIP, SIX, "first", 1000, 10000, 1e6, "mean"),
    "rlkit": (256, 256, 3e-4, 3e-4, 0.005, 1.0, CLIP, EXACT, "min", 2000, 0, 1e6, "mean"),
    "spinningup": (256, 100, 1e-3, 1e-3, 0.005, 1.0, CLIP, EXACT, "min", 1001, 10001, 1e6, "mean"),
    "spinningup_tf1": (256, 100, 1e-3, 1e-3, 0.005, 0.5, CLIP, EXACT, "min", 1001, 10001, 1e6, "mean"),
    "spinningup_2018": (
        *((400, 300), 100, 1e-3, 1e-3, 0.005, 0.5, SquashLogStd(low=-20.0, high=2.0), SIX, "first"),
        *(1000, 10001, 1e6, "mean"),
    ),
    "lwdrl": (256, 256, 3e-4, 3e-4, 0.005, 1.0, CLIP, FlooredLogDet(floor=1e-6), "min", 25001, 25000, 1e6, "mean"),
    "pranz24": (256, 256, 3e-4, 3e-4, 0.005, 1.0, CLIP, SIX, "min", 257, 10000, 1e6, "mean"),
    "stable_baselines": (64, 64, 3e-4, 3e-4, 0.005, 0.5, CLIP, SIX, "first", 100, 100, 5e4, "mean"),
    "stable_baselines_zoo": (256, 256, 3e-4, 3e-4, 0.005, 0.5, CLIP, SIX, "first", 10000, 10000, 1e6, "mean"),
    "coach": (256, 256, 3e-4, 3e-4, 0.005, 0.5, CLIP, F32, "min", 10001, 10000, 1e6, "unsquashed_mean"),
    "stable_baselines3": (256, 256, 3e-4, 3e-4, 0.005, 0.5, CLIP, SIX, "min", 101, 100, 1e6, "mean"),
    "sbx": (256, 256, 3e-4, 3e-4, 0.005, 0.5, CLIP, EXACT, "min", 101, 100, 1e6, "mean"),
    "cleanrl": (
        256,
        256,
        3e-4,
        1e-3,
        0.005,
        1.0,
        SquashLogStd(low=-5.0, high=2.0),
        SIX,
        "min",
        5002,
        5000,
        1e6,
        "sample",
    ),
    "jaxrl": (
        256,
        256,
        3e-4,
        3e-4,
        0.005,
        1.0,
        ClipLogStd(low=-10.0, high=2.0),
        EXACT,
        "min",
        10000,
        9999,
        1e6,
        "mean",
    ),
    "jaxrl_curves": (256, 256, 3e-4, 3e-4, 0.005, 1.0, CLIP, EXACT, "min", 10000, 10000, 1e6, "mean"),
    "pytorch_sac": (
        *(1024, 1024, 1e-4, 1e-4, 0.005, 1.0, SquashLogStd(low=-5.0, high=2.0), EXACT, "min"),
        *(5000, 5000, 1e6, "mean"),
    ),
    "tianshou": (256, 256, 1e-3, 1e-3, 0.005, 1.0, CLIP, F32, "min", 10001, 10000, 1e6, "mean"),
    "redq": (256, 256, 3e-4, 3e-4, 0.005, 1.0, CLIP, SIX, "mean", 5001, 5001, 1e6, "mean"),
    "sb3_contrib_tqc": (256, 256, 3e-4, 3e-4, 0.005, 0.5, CLIP, SIX, "mean", 101, 100, 1e6, "mean"),
    "sb3_contrib_crossq": (1024, 256, 1e-3, 1e-3, 1.0, 0.5, CLIP, SIX, "min", 101, 100, 1e6, "mean"),
    "sbx_tqc": (256, 256, 3e-4, 3e-4, 0.005, 1.0, CLIP, EXACT, "mean", 101, 100, 1e6, "mean"),
    "sbx_crossq": (1024, 256, 1e-3, 1e-3, 1.0, 0.5, CLIP, EXACT, "min", 101, 100, 1e6, "mean"),
    "sbx_droq": (256, 256, 3e-4, 3e-4, 0.005, 0.5, CLIP, EXACT, "min", 10001, 10000, 1e6, "mean"),
    "qr_sac": (256, 256, 3e-4, 3e-4, 0.005, 32.0, CLIP, EXACT, "min", 10001, 9999, 1e6, "mean"),
}
"""On HalfCheetah, from the comparison tables of the study's notes on these code bases."""

ALPHA = {
    "softlearning": (1.0, -1.0, "alpha", "fresh", 3e-4),
    "softlearning_tf1": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "rlkit": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "stable_baselines": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "stable_baselines_zoo": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "stable_baselines3": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "sbx": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "cleanrl": (1.0, -1.0, "alpha", "fresh", 1e-3),
    "jaxrl": (1.0, -0.5, "alpha", "actor", 3e-4),
    "jaxrl_curves": (1.0, -0.5, "alpha", "actor", 3e-4),
    "pytorch_sac": (0.1, -1.0, "alpha", "actor", 1e-4),
    "haarnoja_sac": 1.0,
    "coach": 1.0,
    "spinningup": 0.2,
    "spinningup_tf1": 0.2,
    "spinningup_2018": 0.2,
    "lwdrl": 0.2,
    "pranz24": 0.2,
    "tianshou": 0.2,
    "redq": (1.0, -0.5, "log_alpha", "actor", 3e-4, 0.2),
    "sb3_contrib_tqc": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "sb3_contrib_crossq": (1.0, -1.0, "log_alpha", "actor", 1e-3, None, 0.9),
    "sbx_tqc": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "sbx_crossq": (1.0, -1.0, "log_alpha", "actor", 1e-3, None, 0.9),
    "sbx_droq": (1.0, -1.0, "log_alpha", "actor", 3e-4),
    "qr_sac": (None, -1.0, "alpha", "actor", 3e-4),
}

STAGES = {
    "softlearning": "critic actor alpha target",
    "softlearning_tf1": "simultaneous target",
    "haarnoja_sac": "simultaneous target",
    "rlkit": "simultaneous target",
    "spinningup": "critic actor target",
    "spinningup_tf1": "simultaneous target",
    "spinningup_2018": "simultaneous target",
    "lwdrl": "critic actor target",
    "pranz24": "critic actor target",
    "stable_baselines": "simultaneous target",
    "stable_baselines_zoo": "simultaneous target",
    "coach": "actor value critic target",
    "stable_baselines3": "alpha critic actor target",
    "sbx": "critic target actor alpha",
    "cleanrl": "critic actor alpha target",
    "jaxrl": "critic target actor alpha",
    "jaxrl_curves": "critic target actor alpha",
    "pytorch_sac": "critic actor alpha target",
    "tianshou": "critic actor target",
    "redq": "simultaneous target",
    "sb3_contrib_tqc": "alpha critic actor target",
    "sb3_contrib_crossq": "critic alpha actor target",
    "sbx_tqc": "critic target actor alpha",
    "sbx_crossq": "critic actor alpha target",
    "sbx_droq": "critic target actor alpha",
    "qr_sac": "critic target actor alpha",
}

KERAS, TF1, TORCH = (0.9, 0.999, 1e-7), (0.9, 0.999, 1e-8), (0.9, 0.999, 1e-8, "torch")
ADAM = {
    "softlearning": (*KERAS, "tensorflow"),
    "coach": (0.9, 0.99, 1e-4, "tensorflow"),
    **{
        name: (*TF1, "tensorflow")
        for name in (
            *("softlearning_tf1", "haarnoja_sac", "spinningup_tf1", "spinningup_2018"),
            *("stable_baselines", "stable_baselines_zoo"),
        )
    },
    **{
        name: TORCH
        for name in (
            "rlkit",
            "spinningup",
            "lwdrl",
            "pranz24",
            "stable_baselines3",
            "sbx",
            "cleanrl",
            "jaxrl",
            "jaxrl_curves",
            "pytorch_sac",
            "tianshou",
            "redq",
            "sb3_contrib_tqc",
            "sbx_tqc",
            "sbx_droq",
        )
    },
    "sb3_contrib_crossq": (0.5, 0.999, 1e-8, "torch"),
    "sbx_crossq": (0.5, 0.999, 1e-8, "torch"),
    "qr_sac": (0.9, 0.999, 1e-8, "tensorflow"),
}

GAIN = Orthogonal(gain=2.0**0.5)
INIT = {
    "softlearning": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "joint", "copy"),
    "softlearning_tf1": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "joint", "copy"),
    "haarnoja_sac": ("glorot_per_input", "glorot_uniform", "glorot_uniform", "joint", "soft_once"),
    "rlkit": (
        *("fan_out", Uniform(weight=3e-3, bias=0.0), Uniform(weight=1e-3, bias=1e-3)),
        *("separate", "independent"),
    ),
    "spinningup": ("torch", "torch", "torch", "separate", "copy"),
    "spinningup_tf1": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "separate", "copy"),
    "spinningup_2018": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "separate", "copy"),
    "lwdrl": (Orthogonal(gain=1.0), Orthogonal(gain=1.0), Orthogonal(gain=1.0), "separate", "copy"),
    "pranz24": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "separate", "copy"),
    "stable_baselines": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "separate", "copy"),
    "stable_baselines_zoo": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "separate", "copy"),
    "coach": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "joint", "copy"),
    "stable_baselines3": ("torch", "torch", "torch", "separate", "copy"),
    "sbx": ("lecun_normal", "lecun_normal", "lecun_normal", "separate", "copy"),
    "cleanrl": ("torch", "torch", "torch", "separate", "copy"),
    "jaxrl": (GAIN, GAIN, Orthogonal(gain=1.0), "separate", "copy"),
    "jaxrl_curves": (Orthogonal(gain=1.0), Orthogonal(gain=1.0), Orthogonal(gain=1.0), "joint", "copy"),
    "pytorch_sac": (Orthogonal(gain=1.0), Orthogonal(gain=1.0), Orthogonal(gain=1.0), "joint", "copy"),
    "tianshou": ("torch", "torch", "torch", "separate", "copy"),
    "redq": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "separate", "copy"),
    "sb3_contrib_tqc": ("torch", "torch", "torch", "separate", "copy"),
    "sb3_contrib_crossq": ("torch", "torch", "torch", "separate", "copy"),
    **dict.fromkeys(
        ("sbx_tqc", "sbx_crossq", "sbx_droq"), ("lecun_normal", "lecun_normal", "lecun_normal", "separate", "copy")
    ),
    "qr_sac": ("glorot_uniform", "glorot_uniform", "glorot_uniform", "joint", "copy"),
}


def values(name, task="HalfCheetah-v5"):
    spec, schedule = resolve(name, task, {})
    return vars(spec) | vars(schedule)


def test_the_tables_leave_no_code_base_out():
    code_bases = {name for name in preset_names() if isinstance(load_preset(name).SPEC, SacSpec)}
    code_bases -= OF_PAPERS | set(COMMON)
    assert code_bases == set(TABLE) == set(ALPHA) == set(STAGES) == set(ADAM) == set(INIT)


@pytest.mark.parametrize("name", [*TABLE, *COMMON, *RELATIVES])
def test_a_code_base_says_what_its_preset_leaves_out_and_where_the_rest_is_seen(name):
    preset = load_preset(name)
    first, *paragraphs = preset.__doc__.strip().split("\n\n")
    assert len(first.splitlines()) <= 2
    assert [text.startswith("Not reproduced: ") for text in paragraphs] == [True]
    for field, text in preset.SOURCES.items():
        absent = text == ABSENT and field in (*neutral_of(type(preset.SPEC)), *neutral_of(Schedule))
        assert PLACE.match(text) or text.startswith(HONEST) or absent, f"{name}: {field} cites {text!r}"
    for task in TASKS:
        resolve(name, task, {})


@pytest.mark.parametrize("name", TABLE)
def test_the_decisive_switches_are_those_of_the_code_base(name):
    found = values(name)
    if len(set(found["hidden"])) == 1:
        assert len(found["hidden"]) == 2
        found["hidden"] = found["hidden"][0]
    assert {column: found[column] for column in COLUMNS} == dict(zip(COLUMNS, TABLE[name], strict=True))
    temperature = (
        FixedAlpha(value=ALPHA[name])
        if isinstance(ALPHA[name], float)
        else LearnedAlpha(**dict(zip([field.name for field in fields(LearnedAlpha)], ALPHA[name], strict=False)))
    )
    assert found["temperature"] == temperature
    assert tuple(vars(found["adam"]).values()) == ADAM[name]
    inits = ("hidden_init", "critic_output_init", "log_std_init", "actor_head", "target_init")
    assert tuple(found[field] for field in inits) == INIT[name]
    spec, _ = resolve(name, "HalfCheetah-v5", {})
    order = "simultaneous target" if spec.gradients == "simultaneous" else " ".join(spec.stages)
    assert order == STAGES[name]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("time_limit", {"stable_baselines": "terminal", "stable_baselines_zoo": "terminal", "coach": "terminal"}),
        ("insert", {"softlearning": "episode_end", "softlearning_tf1": "episode_end", "coach": "next_step"}),
        ("learn_in_warmup", {"softlearning": False, "softlearning_tf1": False, "coach": False}),
        ("reward_scale", {"haarnoja_sac": 5.0, "coach": 5.0}),
        ("update_every", {"rlkit": 1000, "spinningup": 50, "spinningup_tf1": 50, "spinningup_2018": 1000}),
        (
            "updates_per_burst",
            {
                "rlkit": 1000,
                "spinningup": 50,
                "spinningup_tf1": 50,
                "spinningup_2018": 1000,
                "redq": 20,
                "sbx_droq": 20,
            },
        ),
        (
            "reset_every",
            {"rlkit": 1000, "coach": ResetFromWarmup(every=1000), "tianshou": ResetFromWarmup(every=None)},
        ),
        ("target_copy_every", {"coach": 1000}),
        ("target_every", {"pytorch_sac": 2}),
        ("actor_every", {"cleanrl": 2, "redq": 20, "sb3_contrib_crossq": 3, "sbx_crossq": 3, "sbx_droq": 20}),
        ("actor_repeats", {"cleanrl": 2}),
        ("log_prob_units", {"cleanrl": "env", "pranz24": "env"}),
        (
            "critic_action_units",
            dict.fromkeys(
                ("cleanrl", "spinningup", "spinningup_tf1", "spinningup_2018", "lwdrl", "pranz24", "redq"), "env"
            ),
        ),
        (
            "gaussian_eps",
            {"stable_baselines": 1e-6, "stable_baselines_zoo": 1e-6, "spinningup_tf1": 1e-8, "spinningup_2018": 1e-8},
        ),
        ("pathwise_noise", {"coach": "independent"}),
        ("first_critic_layer", {"coach": "sum_of_relus"}),
        ("action_to_env", dict.fromkeys(("coach", "pytorch_sac", "qr_sac"), "clip")),
        ("update_position", {"pytorch_sac": "before_step", "pranz24": "before_step"}),
        ("sampling", dict.fromkeys(("pranz24", "qr_sac"), "without_replacement")),
        ("critics", {"redq": 10}),
        (
            "quantiles",
            dict.fromkeys(("sb3_contrib_tqc", "sbx_tqc"), Quantiles(n=25, dropped=2, target="pool"))
            | {"qr_sac": Quantiles(n=32, dropped=0, target="minimum")},
        ),
        ("target_subset", {"redq": 2}),
        ("target_networks", {"sb3_contrib_crossq": False, "sbx_crossq": False}),
        ("actor_hidden", {"sb3_contrib_crossq": (256, 256), "sbx_crossq": (256, 256)}),
        (
            "critic_norm",
            {"sb3_contrib_crossq": CONTRIB_NORM, "sbx_crossq": SBX_NORM, "sbx_droq": LayerNorm(eps=1e-6)},
        ),
        ("actor_norm", {"sb3_contrib_crossq": CONTRIB_NORM, "sbx_crossq": SBX_NORM}),
        ("critic_dropout", {"sbx_droq": 0.01}),
    ],
)
def test_what_one_code_base_does_otherwise_the_others_do_not(field, expected):
    found = {name: values(name)[field] for name in TABLE}
    usual = resolve("sac_v2", "HalfCheetah-v5", {})
    usual = getattr(usual[0], field, None) if hasattr(usual[0], field) else getattr(usual[1], field)
    of_length = {"spinningup", "spinningup_tf1", "spinningup_2018", "lwdrl", "pranz24", "pytorch_sac", "redq"}
    lengths = of_length if field == "time_limit" else set()
    assert {name: value for name, value in found.items() if value != usual and name not in lengths} == expected
    assert all(found[name] == BootstrapAtLength(steps=1000) for name in lengths)


def test_which_code_bases_have_a_value_network():
    found = {name: values(name)["value_net"] for name in TABLE}
    nets = {name: (net.loss_scale, net.target) for name, net in found.items() if net}
    assert nets == {
        "haarnoja_sac": (0.5, "per_sample"),
        "stable_baselines": (0.5, "broadcast"),
        "stable_baselines_zoo": (0.5, "broadcast"),
        "spinningup_2018": (0.5, "per_sample"),
        "coach": (1.0, "per_sample"),
    }


def test_tasks_with_a_setting_of_their_own():
    for version in ("v4", "v5"):
        for task, scale, warmup in (
            ("Hopper", 5.0, 1000),
            ("Ant", 5.0, 10000),
            ("Humanoid", 20.0, 1000),
            ("HumanoidStandup", 100.0, 1000),
            ("Swimmer", 25.0, 1000),
            ("InvertedPendulum", 1.0, 1000),
        ):
            found = values("haarnoja_sac", f"{task}-{version}")
            assert (found["reward_scale"], found["warmup_steps"]) == (scale, warmup)
    for task, of in TASKS.items():
        for name in ("pytorch_sac", "lwdrl", "pranz24", "redq"):
            assert values(name, task)["time_limit"] == BootstrapAtLength(steps=of.time_limit)
        of_2018 = values("spinningup_2018", task)
        falls = task.startswith(("Inverted", "Hopper", "Walker2d", "Ant", "Humanoid-", "MultiGoal"))  # may end early
        assert of_2018["update_position"] == ("after_episode" if falls else "after_step"), task
        burst = {of_2018[name] for name in ("learn_after", "update_every", "updates_per_burst")}
        assert burst == {1 if falls else of.time_limit}
        assert values("spinningup", task)["time_limit"] == BootstrapAtLength(steps=1000)
        for name in ("softlearning", "softlearning_tf1"):
            found = values(name, task)
            assert (found["warmup_steps"], found["learn_after"]) == (10 * of.time_limit, 10 * of.time_limit + 1)


def test_redq_aims_at_the_entropies_of_mbpo_where_these_are_known():
    known = {"Hopper": -1, "HalfCheetah": -3, "Walker2d": -3, "Ant": -4, "Humanoid": -2}
    for task, of in TASKS.items():
        expected = known.get(task.split("-")[0], -of.action_dim)
        assert resolve("redq", task, {})[0].target_entropy(of.action_dim) == expected, task


def test_the_common_configuration_is_one_but_for_what_a_code_base_does_its_own_way():
    same = ("hidden", "batch_size", "critics", "discount", "tau", "actor_lr", "critic_lr", "replay_capacity")
    for task in TASKS:
        found = {name: values(name, task) for name in COMMON}
        assert len({tuple(one[field] for field in (*same, "warmup_steps")) for one in found.values()}) == 1
        plain = {replace(one["temperature"], objective="alpha", sample="actor") for one in found.values()}
        assert plain == {LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="alpha", sample="actor", lr=3e-4)}
        late = {name: one["learn_after"] - one["warmup_steps"] for name, one in found.items()}
        assert late == dict.fromkeys(COMMON, 1) | {"cleanrl_common": 2}
        assert found["sbx_common"]["warmup_steps"] == values("sac_v2", task)["warmup_steps"]
    assert values("cleanrl_common")["actor_repeats"] == 2

"""Cited values: a preset made of them, and the sentence in which a mistake in one is refused."""

from __future__ import annotations

import pytest

from implementations.presets import sac_v2
from suite.sac.cited import FIELDS, as_in, cited, preset
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec, SpecError

ALL = as_in(sac_v2, *FIELDS)


def test_values_and_sources_come_apart_as_plain_data():
    tau = cited(0.25, "page 7", {("Hopper-v4", "Hopper-v5"): 0.5, ("Ant-v5",): 1.0})
    made = preset(**ALL | {"tau": tau, "insert": cited("episode_end", "page 8")})
    assert type(made.spec) is SacSpec and type(made.schedule) is Schedule
    assert (made.spec.tau, made.schedule.insert) == (0.25, "episode_end")
    assert (made.sources["tau"], made.sources["insert"]) == ("page 7", "page 8")
    assert list(made.sources) == list(FIELDS)
    assert made.per_task["Hopper-v4"] == made.per_task["Hopper-v5"] == {"tau": 0.5}
    assert made.per_task["Ant-v5"] == {"tau": 1.0}
    assert made.per_task["Pendulum-v1"] == sac_v2.PER_TASK["Pendulum-v1"]


def test_a_preset_with_a_base_changes_what_it_names_and_no_more():
    made = preset(sac_v2, warmup_steps=cited(7, "page 7"), discount=cited(0.99, "page 8"))
    assert (made.spec, made.schedule.warmup_steps) == (sac_v2.SPEC, 7)
    assert made.per_task["Reacher-v5"] == {"learn_after": 1_000}
    assert made.sources == sac_v2.SOURCES | {"warmup_steps": "page 7", "discount": "page 8"}
    assert preset(sac_v2) == (sac_v2.SPEC, sac_v2.SCHEDULE, sac_v2.PER_TASK, sac_v2.SOURCES)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: preset(tau=ALL["tau"]),
            SpecError,
            "names every field of SacSpec and Schedule; missing: temperature, ",
        ),
        (lambda: preset(**{k: v for k, v in ALL.items() if k != "tau"}), SpecError, "Schedule; missing: tau$"),
        (lambda: preset(**ALL, discuont=ALL["tau"]), SpecError, "discuont is no field of SacSpec or Schedule"),
        (lambda: preset(sac_v2, tau=0.5), SpecError, r"tau must be given as cited\(value, source\), not as 0.5"),
        (lambda: preset(sac_v2, tau=cited(2.0, "page 7")), SpecError, r"tau must lie in \(0, 1\], not 2.0"),
        (lambda: eval("preset(sac_v2, tau=1, tau=2)"), SyntaxError, "keyword argument repeated: tau"),
        (lambda: preset(tau=ALL["tau"], **ALL), TypeError, "multiple values for keyword argument 'tau'"),
        (lambda: cited(0.5, " "), SpecError, "the value 0.5 needs a source"),
        (lambda: cited(0.5, {"Hopper-v5": 1}), SpecError, "the value 0.5 needs a source"),
        (lambda: cited(1, "page 7", {("A", "B"): 2, ("B",): 3}), SpecError, "page 7 gives two values on B: 2 and 3"),
    ],
)
def test_a_mistake_in_a_preset_is_one_sentence(make, error, words):
    with pytest.raises(error, match=words):
        make()

"""Who a run is must not change: run ids of every preset on every task, recorded when the house was rebuilt."""

from __future__ import annotations

import csv
import dataclasses

from builders.runs import ROOT, SMALL

from suite.sac import identity
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec
from suite.specimens.catalogue import resolve


@dataclasses.dataclass(frozen=True, kw_only=True)
class WiderSpec(SacSpec):
    """A spec with a switch that nobody had when the run ids were recorded."""

    dummy: str = "off"


@dataclasses.dataclass(frozen=True, kw_only=True)
class WiderSchedule(Schedule):
    dummy_steps: int | None = None


def widened(kind, value, **added):
    return kind(**{field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, **added)


def changed(widen=lambda spec, schedule: (spec, schedule)):
    """The recorded rows whose run id is another one now."""
    with (ROOT / "tests/identity/run_ids.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 528 and len({row["preset"] for row in rows}) == 24
    found = []
    for row in rows:
        spec, schedule = widen(*resolve(row["preset"], row["task"], {}))
        evaluation = int(row["evaluate_every"]), int(row["evaluation_episodes"])
        if identity.run_id(spec, schedule, row["task"], *evaluation) != row["run_id"]:
            found.append((row["preset"], row["task"]))
    return found


def test_the_recorded_run_ids_are_those_of_today():
    assert not changed()


def test_a_new_field_at_its_neutral_value_leaves_every_run_id_as_it_was():
    def wider(spec, schedule):
        return widened(WiderSpec, spec, dummy="off"), widened(WiderSchedule, schedule, dummy_steps=None)

    assert not changed(wider)
    assert len(changed(lambda spec, schedule: (widened(WiderSpec, spec, dummy="on"), schedule))) == 528
    assert len(changed(lambda spec, schedule: (spec, widened(WiderSchedule, schedule, dummy_steps=0)))) == 528


def test_plain_data_leaves_a_neutral_value_out_and_puts_it_back():
    off, on = (widened(WiderSpec, SMALL, dummy=value) for value in ("off", "on"))
    assert identity.to_plain(off) == identity.to_plain(SMALL) and identity.to_plain(on)["dummy"] == "on"
    for spec in (off, on):
        assert identity.from_plain(WiderSpec, identity.to_plain(spec)) == spec
    assert identity.from_plain(WiderSpec, identity.to_plain(SMALL)) == off


def test_a_choice_may_have_a_neutral_field_too():
    late = dataclasses.replace(SMALL, temperature=dataclasses.replace(SMALL.temperature, in_use_at_first=0.2))
    plain, other = map(identity.to_plain, (SMALL, late))
    assert "in_use_at_first" not in plain["temperature"] and other["temperature"]["in_use_at_first"] == 0.2
    assert [identity.from_plain(SacSpec, one) for one in (plain, other)] == [SMALL, late]

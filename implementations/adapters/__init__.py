"""Third-party packages, each a suite.contract.Trainer: what it can be told to do, and its own loop behind `start`.

What a package has no switch for it does its own way, which the preset of its name describes (implementations/presets).
"""

from __future__ import annotations

from types import ModuleType

from suite.sac import identity
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec


def refusal(
    own: ModuleType, switches: set[str], rules: list[tuple[bool, str]], spec: SacSpec, schedule: Schedule
) -> str | None:
    """Why a package cannot do what is asked, or None.

    own: the preset of what the package does when left alone; switches: the fields it can be told; rules: what must hold
    between them, each with the sentence for when it does not.
    """
    package = own.__name__.rpartition(".")[2]
    for usual, asked in ((own.SPEC, spec), (own.SCHEDULE, schedule)):
        for one in identity.difference(usual, asked):
            if one.field.split(".")[0] not in switches:
                return f"{package} has no switch for {one.field}: it is {one.a!r} there, {one.b!r} here"
    return next((f"{package} {sentence}" for holds, sentence in rules if not holds), None)


def shared_rules(spec: SacSpec, schedule: Schedule) -> list[tuple[bool, str]]:
    """What every package here asks of the switches it has."""
    temperature = spec.temperature
    learned = not spec.learns_alpha or (temperature.objective, temperature.sample) == ("log_alpha", "actor")
    told = not spec.learns_alpha or temperature.init is not None
    plain = not spec.learns_alpha or (temperature.in_use_at_first, temperature.beta1) == (None, None)
    first = (schedule.warmup_steps // schedule.update_every + 1) * schedule.update_every
    return [
        (learned, "learns a temperature by the objective 'log_alpha' at the sample 'actor' only"),
        (told, "starts a learned temperature where it is told to, and draws none: temperature.init must be a number"),
        (plain, "uses a learned temperature from the start, and the networks' Adam for it"),
        (
            schedule.learn_after == first,
            f"learns after every update_every steps once warmup_steps are over: learn_after must be {first}, "
            f"not {schedule.learn_after}",
        ),
        (
            schedule.evaluation_action in ("mean", "sample"),
            f"acts by its mean or a sample: evaluation_action is {schedule.evaluation_action!r}",
        ),
    ]

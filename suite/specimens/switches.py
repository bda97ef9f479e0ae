"""The pages made from the presets: docs/switches.md, what the SACs of the world differ in, and docs/presets.md."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import NamedTuple

from suite.sac import identity
from suite.sac.ablation import Changes
from suite.sac.spec import SacSpec
from suite.specimens import conformance, loops, mutations, naming
from suite.specimens.catalogue import load_preset, preset_names

COMMAND = "python -m suite docs"
DOCS = identity.ROOT / "docs"
PAPERS = ("sac_v1", "sac_v2")
"""The presets that stand for a paper: beside the code bases, on the page of switches."""

GROUPS = {
    "objective": {
        "temperature": "The weight alpha of the entropy: fixed, or learned so that the entropy stays at "
        "`entropy_per_dim` times the number of action dimensions. `objective`: whether alpha or its logarithm stands "
        "in the loss; `sample`: whether the loss reads the actor loss's action or a fresh one. `init`: where it starts "
        "(None: at e to a normal draw); `in_use_at_first`: what stands in its place until its first step; `beta1`: its "
        "own Adam's.",
        "reward_scale": "Every reward is multiplied by this.",
        "discount": "The discount factor.",
        "critics": "The number of Q-functions.",
        "target_reduce": "How the critics are combined in the target.",
        "actor_reduce": "How the critics are combined in the actor's loss.",
        "value_net": "A state-value network with a target copy, which the critics regress on; None: the critics have "
        "target copies themselves. `target`: whether each of its targets has the entropy term of its own action "
        "(per_sample) or the batch's mean (broadcast).",
        "entropy_in_target": "Whether the target holds the entropy term.",
        "critic_loss_scale": "Each critic's mean squared error is multiplied by this.",
    },
    "policy": {
        "std": "How the network's output becomes the standard deviation of the Gaussian.",
        "log_det": "How tanh's term of log pi, log(1 - tanh(u)²), is computed: exactly, with an epsilon inside the "
        "logarithm, or of no less than a floor.",
        "gaussian_eps": "Added to the standard deviation in the Gaussian's density.",
        "log_prob_units": "log pi is the density of the action in [-1, 1] (unit) or in the environment's box (env).",
        "critic_action_units": "Critics read the action in [-1, 1] (unit) or in the environment's box (env).",
        "pathwise_noise": "Whether the parts of the actor's gradient share one draw of noise or have one each.",
    },
    "networks": {
        "hidden": "The widths of the hidden layers.",
        "first_critic_layer": "Observation and action enter a critic concatenated, or through a ReLU layer each.",
        "hidden_init": "How hidden layers start.",
        "critic_output_init": "How the output layer of a critic, and of a value network, starts.",
        "actor_head": "One output layer for mean and log std together, or one for each.",
        "mean_init": "How the output layer of the mean starts.",
        "log_std_init": "How the output layer of log std starts.",
        "target_init": "Targets start as copies, as networks of their own (independent), or as networks of their own "
        "after one step of averaging (soft_once).",
    },
    "update": {
        "order": "The order of an update's stages; those that a code base does not have are passed over.",
        "gradients": "Each loss reads the newest parameters (sequential), or all read those from before the update "
        "(simultaneous).",
        "first_update": "The first update's number in the code base's own count, which `actor_every` and "
        "`target_every` divide.",
        "actor_every": "Actor and alpha learn when this divides the count of updates.",
        "actor_repeats": "How many steps actor and alpha then take in a row.",
        "target_every": "Targets move when this divides the count of updates.",
        "target_copy_every": "After every so many updates the targets become plain copies.",
        "tau": "The step of the targets' moving average.",
        "batch_size": "Transitions in a batch.",
    },
    "optimisers": {
        "actor_lr": "The actor's learning rate.",
        "critic_lr": "The learning rate of the critics and of a value network.",
        "adam": "Adam's constants; epsilon is added after the bias correction (torch) or before it (tensorflow).",
        "precision": "The number format.",
    },
    "what came after": {
        "quantiles": "Critics give so many quantiles of the return and not its mean; `target`: those of all critics "
        "without the largest (pool; `dropped`: how many for each critic), or of the critic with the smallest mean.",
        "target_subset": "The target is reduced over so many critics, drawn anew for each update.",
        "retrace": "The target holds the rewards of so many steps, each later one weighed by `decay` and, of trace "
        "ratio, by how likely its action is to the policy beside the one that chose it, at most 1 (whole: not so).",
        "target_networks": "Whether the target is judged by networks that follow the critics, or by the critics "
        "themselves in one pass with what they learn from.",
        "actor_hidden": "The widths of the actor's hidden layers, where they are others than the critics'.",
        "activation": "The activation of every hidden layer.",
        "actor_norm": "The normalisation in the actor: of a layer's units (LayerNorm), or of a batch (BatchRenorm).",
        "critic_norm": "The same in the critics, and in a value network.",
        "critic_dropout": "The share of a critic's hidden units that each pass of an update leaves out.",
        "weight_decay": "Networks shrink by this times the learning rate in every step.",
        "gradient_clip": "An optimiser's gradient is shortened to this norm.",
    },
    "warm-up": {
        "warmup_steps": "The first so many actions are drawn uniformly.",
        "warmup_range": "They are drawn from [-1, 1] (unit) or from the environment's box, without rescaling (env).",
        "warmup_rounding": "Whether the warm-up goes on until the running episode or epoch is over.",
        "epoch_steps": "Environment steps in an epoch, where it matters.",
    },
    "learning": {
        "learn_after": "The first burst of updates follows this environment step.",
        "update_every": "Environment steps from one burst of updates to the next.",
        "updates_per_burst": "Updates in a burst.",
        "learn_in_warmup": "Whether there are updates during the warm-up.",
        "reset_networks_every": "After the burst in which so many more updates are reached, networks, targets, "
        "temperature and optimisers start anew; the replay stays.",
        "update_position": "Updates come after an environment step, or between the choice of an action and its step; "
        "or the episode's steps come first, then all updates that are due after one of them (after_episode).",
    },
    "data": {
        "sampling": "Whether the transitions of a batch are drawn with or without replacement.",
        "replay_capacity": "Transitions that the replay holds.",
        "n_step": "How many rewards are summed in a target, up to the episode's end, before the value of the "
        "observation then reached; the entropy of the actions between is left out, and nothing corrects for them.",
        "normalise_observations": "Whether networks see observations less their mean so far, in standard deviations, "
        "within ±10 (running).",
        "insert": "Whether a transition may be sampled at once, only when its episode is over, or when the next step "
        "is taken (next_step: at once where its episode ends by itself; the last of an abandoned episode never).",
        "time_limit": "Whether an episode that the time limit ends bootstraps. BootstrapAtLength: one of that length "
        "does, however it ended, and shorter ones do not.",
        "reset_every": "The running episode is abandoned, without a terminal, at every multiple of this step. "
        "ResetFromWarmup: when the warm-up is over, and every so many steps from there.",
        "action_to_env": "How an action in [-1, 1] gets into the environment's box.",
        "evaluation_action": "The action of an evaluation: tanh of the mean, a sample, or the mean itself, clipped.",
    },
}
"""Every field of SacSpec and Schedule in the groups of these two, with a sentence for a reader of the page."""


class Entry(NamedTuple):
    """One switch in one preset: its value, those on some tasks instead, and where they are read."""

    preset: str
    value: object
    per_task: dict[str, object]  # environment, without version -> value
    source: str


def main(check: bool) -> list[str]:
    """Writes the pages that differ from what the presets give now, unless check is set; returns their paths."""
    return write({"switches.md": switches_page(), "presets.md": presets_page()}, check)


def write(texts: dict[str, str], check: bool) -> list[str]:
    """Writes the pages of docs/ that are not these texts, unless check is set; returns their paths."""
    outdated = []
    for name, text in texts.items():
        path = DOCS / name
        if not path.exists() or path.read_text() != text:
            outdated.append(f"docs/{name}")
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    return outdated


# --- docs/presets.md


def presets_page() -> str:
    """The page with every preset's state, and what of it is read and not proved."""
    return f"""# The presets
<!-- made by: {COMMAND} -->

A preset is a code base as a value: every switch of its update and its schedule beside the line it is read from
(`implementations/presets/`). Where they differ: [switches.md](switches.md). The states:

* **conforms**: recorded updates of the code base itself (`tests/vectors/`) are reproduced by both engines, and what its
  own training loop did on scripted episodes (`tests/schedules/`) by the suite's, step by step, but for what is
  [declared](#recorded-otherwise-on-purpose); only such a preset bears the bare name of its code base in reports;
* **from source**: read from the code base, without one of these recordings, or they passed with other code;
* **after**: it deviates from its code base, in what the sentence says;
* **ours**: a setting that no code base has.

{_states()}

## Recorded otherwise on purpose
{_declared()}

## Read, not proved
{_not_proved()}
"""


def _states() -> str:
    """The table of states."""
    rows = ["| preset | what it is | state |", "|---|---|---|"]
    for name in sorted(preset_names(), key=lambda name: naming.state(name).name == "ours"):
        known = naming.state(name)
        rows.append(f"| `{name}` | {naming.summary(name)} | **{known.name}**: {known.reason} |")
    return "\n".join(rows)


def _declared() -> str:
    """What a recording has otherwise than its preset, or the suite's loop than a recording, with the reason."""
    rows = ["| preset | recording | what is otherwise | why |", "|---|---|---|---|"]
    for (name, case), of_update in conformance.DECLARED.items():
        rows.append(f"| `{name}` | update ({case}) | {_changes(of_update.changes)} | {of_update.reason} |")
    for (name, case), of_loop in loops.DECLARED.items():
        steps = [f"{array} at step {', '.join(f'{n:,}' for n in at)}" for array, at in of_loop.differs.items()]
        otherwise = "; ".join([*([_changes(of_loop.changes)] if of_loop.changes else []), *steps])
        rows.append(f"| `{name}` | loop ({case}) | {otherwise} | {of_loop.reason} |")
    return """These recordings say nothing of the values named here; at the steps named the suite's loop is known to do
otherwise than the original.

""" + "\n".join(rows)


def _changes(changes: Changes) -> str:
    return "; ".join(f"{field} is {shown(value)}" for field, value in changes.items())


def _not_proved() -> str:
    """What no recording notices: fields that all share, then each preset's own."""
    known = mutations.known()
    proofs = naming.proofs()
    complete = [one for name, one in known.items() if name in proofs and proofs[name].updates and proofs[name].loops]
    shared = set.intersection(*(set(one.fields) for one in complete)) if complete else set()
    rows = ["| preset | besides: no change of the value | or none of these |", "|---|---|---|"]
    for name, one in known.items():
        own = [field for field in one.fields if field not in shared]
        rows.append(f"| `{name}` | {', '.join(own)} | {'; '.join(one.values)} |")
    return f"""Each value of a preset with recordings was changed alone: words to all others, numbers doubled (or halved
where double is no value), kinds to all others, parts field by field. The recordings notice all of these changes but
those below (`python -m suite mutations`): they stand as they were read, or make no difference beside the preset's other
values, as the count of updates does where no delay divides it. Recorded networks are small and start where the file
says, so widths, batch size and initialisation are in the list everywhere. Of a preset without a recorded loop no value
of the schedule is proved, without a recorded update no value of the update; and the values that a preset has on some
tasks alone are in no recording. The list may only shrink.

Of every preset with both: {", ".join(sorted(shared))}.

""" + "\n".join(rows)


# --- docs/switches.md


def switches_page() -> str:
    """The page with every switch in every code base and paper."""
    entries = every_entry()
    agreed = [field for field, of in entries.items() if agree(of)]
    parts = [_introduction(entries, agreed)]
    for group, fields in GROUPS.items():
        parts.append(f"## {group.capitalize()}")
        parts += [_section(field, text, entries[field]) for field, text in fields.items() if field not in agreed]
    parts += ["## What is the same everywhere", _agreement(entries, agreed)]
    relatives = (name for name in _code_bases() if not isinstance(load_preset(name).SPEC, SacSpec))
    parts += ["## Relatives: algorithms of another shape", *map(_relative, relatives)]
    return "\n\n".join(parts) + "\n"


def every_entry() -> dict[str, list[Entry]]:
    """Every switch in every code base of SAC's shape, then in the papers; the same order of these for each."""
    names = [*(name for name in _code_bases() if isinstance(load_preset(name).SPEC, SacSpec)), *PAPERS]
    return {field: [entry(name, field) for name in names] for group in GROUPS.values() for field in group}


def agree(entries: list[Entry]) -> bool:
    """Whether a switch has one value everywhere."""
    return len({(one.value, *one.per_task.items()) for one in entries}) == 1


def _code_bases() -> list[str]:
    return [name for name in preset_names() if not hasattr(load_preset(name), "OURS")]


def entry(preset: str, field: str) -> Entry:
    """A field of a preset, its values on tasks by environment: a task's versions share theirs."""
    module = load_preset(preset)
    value = getattr(module.SPEC if hasattr(module.SPEC, field) else module.SCHEDULE, field)
    values = {task: changed[field] for task, changed in module.PER_TASK.items() if field in changed}
    per_task = {re.sub(r"-v\d+$", "", task): other for task, other in values.items() if other != value}
    return Entry(preset, value, per_task, module.SOURCES[field])


def _introduction(entries: dict[str, list[Entry]], agreed: list[str]) -> str:
    rows = []
    for group, fields in GROUPS.items():
        counts = {field: len({one.value for one in entries[field]}) for field in fields if field not in agreed}
        rows.append(f"| {group} | {', '.join(f'[{field}](#{field}) {count}' for field, count in counts.items())} |")
    columns = len(next(iter(entries.values())))
    return f"""# What the SACs of the world differ in
<!-- made by: {COMMAND} -->

{columns - len(PAPERS)} states of code bases, and two papers (_sac_v1_ is arXiv 1801.01290, _sac_v2_ arXiv 1812.05905),
in {len(entries)} switches: they differ in {len(entries) - len(agreed)}. A name links to the line that the value is read
from, a number to a further line; a name without a link is followed by the reason. What each code base is:
[presets.md](presets.md).

| group | switches, and how many values each has |
|---|---|
""" + "\n".join(rows)


def _section(field: str, sentence: str, entries: list[Entry]) -> str:
    """A switch: what it means, and a row per value, that of most code bases first."""
    by_value: dict[object, list[Entry]] = {}
    for one in entries:
        by_value.setdefault(one.value, []).append(one)
    most_first = sorted(by_value.items(), key=lambda item: -len(item[1]))
    rows = [f"| {shown(value)} | {_cited(same)} |" for value, same in most_first]
    return "\n".join([f"### {field}", sentence, "", "| value | code bases |", "|---|---|", *rows])


def _agreement(entries: dict[str, list[Entry]], agreed: list[str]) -> str:
    rows = ["| switch | what it is | value | code bases |", "|---|---|---|---|"]
    for fields in GROUPS.values():
        for field in filter(agreed.__contains__, fields):
            of = entries[field]
            rows.append(f"| {field} | {fields[field]} | {shown(of[0].value)} | {_cited(of)} |")
    return "\n".join(rows)


def _relative(name: str) -> str:
    """The settings of a preset whose spec is of a kind of its own; its schedule has the switches of all."""
    spec = load_preset(name).SPEC
    entries = {field.name: entry(name, field.name) for field in dataclasses.fields(spec)}
    rows = [f"| {field} | {shown(one.value)} | {_cited([one])} |" for field, one in entries.items()]
    return "\n".join([f"### {name}", f"{' '.join((type(spec).__doc__ or '').split())}", "",
                      "| setting | value | read from |", "|---|---|---|", *rows])  # fmt: skip


def shown(value: object) -> str:
    """A value as the page prints it."""
    if isinstance(value, tuple):
        return ", ".join(map(shown, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if not dataclasses.is_dataclass(value):
        return str(value)
    neutral = identity.neutral_of(type(value))
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    said = (f"{name}={one!r}" for name, one in fields.items() if name not in neutral or one != neutral[name])
    return f"`{type(value).__name__}({', '.join(said)})`"


def _cited(entries: list[Entry]) -> str:
    """The names of presets: first those with links, then those without, with the reason that they share."""
    linked = [_linked(one, addresses) for one in entries if (addresses := links(one.source))]
    names: dict[str, list[str]] = {}
    for one in entries:
        if not links(one.source):
            names.setdefault(f"({one.source}){on_tasks(one)}", []).append(_name(one))
    return ", ".join([*linked, *(f"{', '.join(same)} {reason}" for reason, same in names.items())])


def _linked(one: Entry, addresses: list[str]) -> str:
    """A preset's name as a link to the first address, then numbers for the others, then its values on some tasks."""
    words = re.sub(r"[\w.-]+/[\w.-]+@[0-9a-f]{7,40} ", "", one.source).replace('"', "'")
    title = f' "{words}"' if PLACE.sub("", one.source) else ""  # shown when the pointer rests on the name
    further = "".join(f" [{n}]({address})" for n, address in enumerate(addresses[1:], start=2))
    return f"[{_name(one)}]({addresses[0]}{title}){further}{on_tasks(one)}"


def _name(one: Entry) -> str:
    return f"_{one.preset}_" if one.preset in PAPERS else one.preset


def on_tasks(one: Entry) -> str:
    """In brackets, the values on some tasks; empty without any."""
    environments: dict[object, list[str]] = {}
    for environment, value in one.per_task.items():
        environments.setdefault(value, []).append(environment)
    values = "; ".join(f"{shown(value)} on {', '.join(names)}" for value, names in environments.items())
    return f" ({values})" if values else ""


# --- citations

LINES = r"\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*"
PLACE = re.compile(
    rf"(?P<repo>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{{7,40}}) (?P<at>[\w./-]+)(?::(?P<lines>{LINES}))?"
    rf"|(?P<path>[\w./-]+\.\w+):(?P<its_lines>{LINES})"  # another file of the same repository
    rf"|(?<=\), )(?P<more>{LINES})(?= \()"  # further lines of the same file
    r"|arXiv (?P<paper>\d{4}\.\d{5})"
)


def links(source: str) -> list[str]:
    """The addresses of the places that a source names, in order and each once: lines on GitHub, papers on arXiv."""
    return list(dict.fromkeys(_addresses(source)))


def _addresses(source: str) -> Iterator[str]:
    tree = path = ""
    for place in PLACE.finditer(source):
        if place["paper"]:
            yield f"https://arxiv.org/abs/{place['paper']}"
            continue
        if place["repo"]:
            tree, path = f"https://github.com/{place['repo']}/blob/{place['commit']}", place["at"]
        path = place["path"] or path
        lines = place["lines"] or place["its_lines"] or place["more"]
        for span in lines.split(",") if lines else [""]:
            anchor = "#L" + span.replace("-", "-L") if span else ""
            yield f"{tree}/{path}{anchor}"

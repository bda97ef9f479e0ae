"""The two ends of every normalised score: each row complete, each number its source's, a broken table refused."""

import csv

import numpy as np
import pytest

from suite.lab.tasks import TASKS
from suite.published import anchors, reading
from suite.published.csv_tables import BrokenReference

ROWS = list(csv.DictReader(anchors.ANCHORS.open(newline="")))
PRIMARY, SECOND = anchors.anchors(), anchors.anchors("second")

# The same runs by another window (the evaluations within 50,000 steps of the anchor's step on either side, those of
# the last 50,000 or the last one alone), summed up apart from this code, with how far the windows may lie apart.
OTHER_WINDOW = {
    ("primary", "HalfCheetah-v5"): (11450, 50),
    ("primary", "Hopper-v4"): (2929, 50),
    ("primary", "Walker2d-v4"): (4663, 50),
    ("primary", "Walker2d-v5"): (4499, 100),
    ("primary", "Ant-v4"): (3389, 50),
    ("primary", "Ant-v5"): (4149, 50),
    ("primary", "Humanoid-v4"): (4816, 50),
    ("primary", "Swimmer-v5"): (64.1, 0.5),
    ("primary", "Reacher-v4"): (-3.6, 0.1),
    ("primary", "InvertedDoublePendulum-v4"): (9357.6, 1),
    ("primary", "Pendulum-v1"): (-149.3, 0.1),
    ("second", "Ant-v4"): (5465, 50),
    ("second", "HalfCheetah-v4"): (12030, 200),
    ("second", "Hopper-v5"): (3512, 100),
    ("second", "Humanoid-v5"): (5182, 50),
    ("second", "Swimmer-v4"): (43.5, 0.1),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['set']} {row['task']}")
def test_a_row_can_be_looked_up(row):
    assert row["task"] in TASKS and all(row.values())
    assert len(row["commit"]) == 40 and set(row["commit"]) <= set("0123456789abcdef")
    assert row["repository"].count("/") == 1 and int(row["n_seeds"]) >= 3
    scale = anchors.anchors(row["set"])[row["task"]]
    assert all(part in scale.citation for part in (row["repository"], row["commit"][:7], row["place"]))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['set']} {row['task']}")
def test_a_value_of_another_version_says_so(row):
    """v2 and v3 stand for v4 and v5 where the tasks' own history allows it; anything else is named."""
    version = row["environment"].replace("_v", "-v").replace("ant", "Ant")
    if version.startswith(row["task"]):
        return
    name = row["task"].rsplit("-", 1)[0]
    assert version.startswith(name + "-v")
    comparable = {"HalfCheetah", "Swimmer", "Hopper", "InvertedPendulum", "InvertedDoublePendulum", "Pendulum"}
    comparable |= {"Walker2d", "Reacher"} if row["task"].endswith("-v4") else set()
    assert ("Another version" in row["note"]) == (name not in comparable)


def test_the_primary_set_has_every_task_and_the_second_all_but_pusher():
    published = set(TASKS) - {"MultiGoal-v0"}  # the suite's own
    assert set(PRIMARY) == published and set(PRIMARY) - set(SECOND) == {"Pusher-v5"}


def test_the_second_set_is_from_other_code_bases():
    code_base = {(row["set"], row["task"]): row["repository"] for row in ROWS}
    assert all(code_base["primary", task] != code_base["second", task] for task in SECOND)


def test_zero_is_the_random_policy():
    for task, policy in anchors.random_policy().items():
        for scales in (PRIMARY, SECOND):
            if task in scales:
                assert (scales[task].random, scales[task].random_episodes) == (policy.mean, policy.episodes)
                assert scales[task].versions == policy.versions and policy.episodes >= 100


def test_one_is_far_from_zero():
    """In units of the random policy's own spread, so that no scale is mostly noise."""
    for task, policy in anchors.random_policy().items():
        for scales in (PRIMARY, SECOND):
            if task in scales:
                assert scales[task].reference - scales[task].random > 3 * policy.sd, task


@pytest.mark.parametrize(("set_", "task"), OTHER_WINDOW)
def test_a_reference_is_its_source_s(set_, task):
    value, apart = OTHER_WINDOW[set_, task]
    assert anchors.anchors(set_)[task].reference == pytest.approx(value, abs=apart)


def test_a_reference_is_the_mean_of_the_published_figures_that_are_here():
    published = {reference.name: reference.values for reference in reading.load()}
    cheetah = published["jaxrl/learned_alpha/HalfCheetah-v2"]
    nnabla = published["nnabla_rl/sac/HalfCheetah-v2"]
    assert PRIMARY["HalfCheetah-v5"].reference == pytest.approx(np.mean(cheetah[1_000_000]), abs=0.001)
    assert PRIMARY["HalfCheetah-v5"].reference != pytest.approx(np.mean(nnabla[1_000_000]), rel=0.01)
    pendulum = published["sb3_pendulum/learned_alpha/Pendulum-v1"][50_000]
    assert SECOND["Pendulum-v1"].reference == pytest.approx(np.mean(pendulum), abs=0.001)


def test_curves_that_collapse_give_no_anchor():
    """All three published seeds of InvertedPendulum end at 25 after having held 1,000 for half of their steps."""
    for scales in (PRIMARY, SECOND):
        assert scales["InvertedPendulum-v5"].reference == 1000
    points = {row["env_steps"] for row in ROWS if row["task"].startswith("InvertedPendulum")}
    assert points == {"300000"}


def changed(tmp_path, change):
    """The table of anchors in a folder of its own, with its rows changed."""
    rows = change([dict(row) for row in ROWS])
    table = tmp_path / "anchors.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return table


def first(**fields):
    return lambda rows: [rows[0] | fields, *rows[1:]]


def test_an_unchanged_copy_loads(tmp_path):
    table = changed(tmp_path, lambda rows: rows)
    assert anchors.anchors("second", table) == SECOND
    assert anchors.anchors_digest(table) == anchors.anchors_digest()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (first(reference="nan"), "reference must be a finite number, not 'nan'"),
        (first(reference="-inf"), "reference must be a finite number, not '-inf'"),
        (first(reference="-52.3716"), r"reference must lie above the random policy's -52.3716, .*\(task Ant-v4\)"),
        (first(n_seeds="0"), "n_seeds must be at least 1"),
        (first(env_steps="-5"), "env_steps must be at least 1"),
        (first(set="third"), "set must be one of primary, second, not 'third'"),
        (first(task="Ant-v3"), "task Ant-v3 has no random policy in random_policy.csv"),
        (lambda rows: [*rows, rows[0]], "task Ant-v4 stands twice in the set primary"),
        (lambda rows: [dict(list(row.items())[1:]) for row in rows], "the columns must be task, reference"),
        *[(first(**{field: ""}), f"{field} is missing") for field in ROWS[0]],
    ],
)
def test_a_broken_row_is_refused_in_either_set(change, words, tmp_path):
    table = changed(tmp_path, change)
    for name in anchors.SETS:
        with pytest.raises(BrokenReference, match=words):
            anchors.anchors(name, table)


def test_too_few_random_episodes_are_refused(tmp_path):
    zero = tmp_path / "random_policy.csv"
    zero.write_text(anchors.RANDOM_POLICY.read_text().replace(",100,", ",99,", 1))
    with pytest.raises(BrokenReference, match="episodes must be at least 100 for a zero, task Ant-v4 has fewer"):
        anchors.anchors(zero=zero)


def test_an_unknown_set_is_refused():
    with pytest.raises(BrokenReference, match="no set of anchors 'third'; there are primary and second"):
        anchors.anchors("third")


def test_the_digest_changes_with_either_end(tmp_path):
    digest = anchors.anchors_digest()
    assert len(digest) == 16 and int(digest, 16) >= 0
    zero = tmp_path / "random_policy.csv"
    zero.write_text(anchors.RANDOM_POLICY.read_text().replace("-52.3716", "-52.3717"))
    table = changed(tmp_path, first(reference="3368.598"))
    digests = {digest, anchors.anchors_digest(table), anchors.anchors_digest(zero=zero)}
    assert len(digests | {anchors.anchors_digest(table, zero)}) == 4

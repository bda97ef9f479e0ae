"""Versions of the parts that make numbers: whose they are, when they rise, and that text alone raises none."""

from __future__ import annotations

import shutil
from unittest import mock

import pytest
from builders.runs import ROOT, SHORT, SMALL

import implementations
from suite.sac import identity, numerics, source
from suite.sac.numerics import PARTS, Change, PartNumerics
from suite.specimens.catalogue import preset_names, resolve

SETTINGS = numerics.settings_of(identity.to_plain(SMALL), identity.to_plain(SHORT), "Pendulum-v1")
TORCH = implementations.REGISTRY["torch"].modules


def test_every_part_is_at_version_1_for_every_preset():
    for name in preset_names():
        spec, schedule = map(identity.to_plain, resolve(name, "HalfCheetah-v5", {}))
        settings = numerics.settings_of(spec, schedule, "HalfCheetah-v5")
        assert {numerics.version(part, settings) for part in PARTS} == {1}


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({}, True),
        ({"std.kind": "ClipLogStd"}, True),
        ({"std.kind": "SquashLogStd"}, False),
        ({"std.kind": "ClipLogStd", "task": "Pendulum-v1"}, True),
        ({"std.kind": "ClipLogStd", "task": "Hopper-v5"}, False),
        ({"hidden": (16, 16)}, True),
        ({"value_net.kind": "ValueNet"}, False),
        ({"insert": "step"}, True),
        ({"a_field_nobody_has": "on"}, False),
    ],
)
def test_a_change_counts_where_its_condition_holds(when, holds):
    changes = (*numerics.NUMERICS, Change("loop", when, 2, "a test"))
    assert numerics.version("loop", SETTINGS, changes) == (2 if holds else 1)
    assert numerics.version("tasks", SETTINGS, changes) == 1
    assert (numerics.reason("loop", SETTINGS, changes) == "a test") is holds


def test_the_parts_of_an_implementation():
    assert numerics.parts_of("torch") == ("weights", "engine.torch", "loop", "evaluation", "tasks")
    assert set(numerics.parts_of("sbx", trainer=True)) == {"engine.sbx", "evaluation", "tasks"}
    made_now = numerics.of_run("torch", TORCH, False, SETTINGS)
    assert list(made_now) == list(numerics.parts_of("torch"))
    assert all(part.version == 1 and len(part.digest) == 10 for part in made_now.values())
    assert numerics.fingerprint(made_now) != numerics.fingerprint(made_now | {"loop": PartNumerics(2, "")})


@pytest.mark.parametrize("code_id", numerics.CODE_IDS)
def test_what_stood_for_version_1(code_id):
    known = numerics.of_code_id(code_id)
    assert known and set(known.values()) == {PartNumerics(1, "")}
    assert numerics.of_code_id("0123456789") is None


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The project's source in a folder where it may be changed."""
    for folder in ("suite/sac", "suite/lab", "implementations"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for module in (source, numerics):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


def digests():
    return {part: one.digest for part, one in numerics.of_run("torch", TORCH, False, SETTINGS).items()}


def test_a_digest_ignores_comments_docstrings_and_layout(elsewhere):
    before = digests()
    for name in ("implementations/sac_torch.py", "suite/lab/replay.py", "suite/sac/weights.py", "suite/lab/tasks.py"):
        file = elsewhere / name
        text = file.read_text()
        file.write_text('"""Another docstring."""\n\n# a comment\n\n' + text.split('"""', 2)[2])
    assert digests() == before


@pytest.mark.parametrize(
    ("file", "parts"),
    [
        ("implementations/sac_torch.py", {"engine.torch"}),
        ("implementations/soft_q_learning_torch.py", {"engine.torch"}),
        ("implementations/lockstep_torch.py", {"engine.torch"}),
        ("suite/sac/spec.py", {"engine.torch"}),
        ("suite/sac/specs.py", {"engine.torch"}),
        ("suite/sac/weights.py", {"weights"}),
        ("suite/lab/replay.py", {"loop"}),
        ("suite/lab/lab.py", {"loop", "evaluation"}),
        ("suite/lab/evaluation.py", {"evaluation"}),
        ("suite/lab/tasks.py", {"tasks"}),
        ("suite/lab/tracking.py", set()),
        ("implementations/sac_jax.py", set()),
        ("implementations/mixture_jax.py", set()),
    ],
)
def test_a_digest_sees_code_of_its_own_part_alone(elsewhere, file, parts):
    before = digests()
    (elsewhere / file).write_text((elsewhere / file).read_text() + "\nEXTRA = 1\n")
    now = digests()
    assert {part for part in now if now[part] != before[part]} == parts


def test_a_file_that_an_engine_imports_is_part_of_it(elsewhere):
    engine = elsewhere / "implementations/sac_torch.py"
    engine.write_text(engine.read_text() + "\nfrom implementations import gradients\n")
    (elsewhere / "implementations/gradients.py").write_text("from implementations.deeper import x\n")
    (elsewhere / "implementations/deeper.py").write_text("x = 1\n")
    before = digests()
    (elsewhere / "implementations/deeper.py").write_text("x = 2\n")
    assert digests()["engine.torch"] != before["engine.torch"]


def test_a_text_is_parsed_once_whatever_the_number_of_cells():
    digests()
    with mock.patch.object(source.ast, "parse") as parsed:
        digests()
    assert not parsed.called

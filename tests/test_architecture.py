"""Who may import whom (docs/architecture.md), and rules a reader should be able to rely on."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

from suite.spec import STAGES

STDLIB = set(sys.stdlib_module_names)
FRAMEWORKS = {"torch", "jax", "optax"}
SETTINGS = {"torch": "torch.get_num_threads()", "jax": "dict(jax.config.values)"}
MAY_IMPORT = {
    "suite/spec.py": set(),
    "suite/schedule.py": {"suite.spec"},
    "suite/ablation.py": set(),
    "suite/identity.py": {"suite", "suite.spec", "suite.schedule"},
    "suite/contract.py": {"numpy", "suite.spec", "suite.schedule"},
    "suite/initial.py": {"numpy", "suite.spec", "suite.contract"},
    "suite/equations.py": {"numpy", "suite.spec", "suite.contract"},
    "suite/seeding.py": {"numpy"},
    "suite/replay.py": {"numpy"},
    "suite/tasks.py": {"numpy", "gymnasium", "mujoco", "suite.contract", "suite.seeding"},
    "suite/records.py": {"numpy", "pyarrow"},
    "suite/checkpoint.py": {"numpy", "filelock", "suite.records", "suite.replay"},
    "suite/tracking.py": {"wandb", "suite", "suite.contract", "suite.identity"},
    "suite/config.py": {"yaml", "pydantic", "suite"},
    "suite/references/__init__.py": {"numpy", "yaml", "suite", "suite.tasks", "suite.statistics.equivalence"},
    "suite/logs.py": {"numpy", "pandas", "pyarrow", "wandb", "suite"},
    "suite/evaluation.py": {"numpy", "suite.contract", "suite.seeding", "suite.tasks"},
    "suite/guest.py": {
        *("numpy", "suite.checkpoint", "suite.contract", "suite.evaluation", "suite.records"),
        *("suite.schedule", "suite.spec"),
    },
}
_OF_THE_SUITE = (
    "checkpoint",
    "contract",
    "evaluation",
    "identity",
    "initial",
    "records",
    "replay",
    "schedule",
    "seeding",
    "spec",
)
RUNNER = {"suite", "suite.tasks", "suite.tracking", *(f"suite.{name}" for name in _OF_THE_SUITE)}
MAY_IMPORT["suite/runner.py"] = {"numpy"} | RUNNER


def imports(path) -> set[str]:
    """The modules a file imports anywhere, dotted; `from suite import x` counts as suite.x where x is a module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                deeper = ROOT / node.module.replace(".", "/") / f"{alias.name}.py"
                package = ROOT / node.module.replace(".", "/") / alias.name
                found.add(f"{node.module}.{alias.name}" if deeper.exists() or package.is_dir() else node.module)
    return {name for name in found if name.split(".")[0] not in STDLIB}


def root(name: str) -> str:
    return name if name.split(".")[0] in ("suite", "implementations", "ablations") else name.split(".")[0]


@pytest.mark.parametrize("file", sorted(MAY_IMPORT))
def test_each_room_imports_only_what_it_may(file):
    found = {root(name) for name in imports(ROOT / file)}
    assert found <= MAY_IMPORT[file]


def test_statistics_know_nothing_of_the_suite():
    for file in (ROOT / "suite/statistics").glob("*.py"):
        found = {root(name) for name in imports(file)}
        allowed = {"numpy", "scipy", "statsmodels"}
        assert {name for name in found if not name.startswith("suite.statistics")} <= allowed, file


def test_engines_know_the_spec_the_contract_and_their_own_framework():
    beside = {
        "jax": {"jax", "implementations.jax_host"},
        "torch": {"torch", *(f"implementations.{name}" for name in ("torch_host", "sac_torch", "sac_torch_gradients"))},
    }
    for file in (ROOT / "implementations").glob("sac_*.py"):
        found = {root(name) for name in imports(file)}
        framework = file.stem.split("_")[1]
        assert found <= {"numpy", "suite.spec", "suite.contract"} | beside[framework], file
    for framework in beside:
        assert {root(name) for name in imports(ROOT / f"implementations/{framework}_host.py")} == {framework}


def test_adapters_know_the_contract_and_their_own_package():
    for file in (ROOT / "implementations/adapters").glob("*.py"):
        found = {root(name) for name in imports(file)}
        own = {file.stem, f"implementations.presets.{file.stem}", "implementations.adapters"}
        own |= {"jax", "implementations.adapters.stable_baselines3"} if file.stem == "sbx" else {"torch"}
        told = {"suite.contract", "suite.identity", "suite.schedule", "suite.spec"}
        assert found <= {"numpy", "gymnasium"} | told | own, file


def test_presets_and_ablations_are_data():
    for file in (*(ROOT / "implementations/presets").glob("*.py"), *(ROOT / "ablations").glob("*.py")):
        tree = ast.parse(file.read_text())
        allowed = {"suite.spec", "suite.schedule", "suite.ablation", "dataclasses"}
        found = {name for name in imports(file) if not name.startswith(("implementations.presets", "ablations"))}
        assert found <= allowed, file
        kinds = ast.Import | ast.ImportFrom | ast.Assign | ast.Expr
        assert all(isinstance(node, kinds) for node in tree.body), f"{file} holds more than imports and literals"


def test_no_framework_in_the_instrument_and_none_loaded_by_a_plan():
    for file in (ROOT / "suite").rglob("*.py"):
        assert not {root(name) for name in imports(file)} & FRAMEWORKS, file
    code = "import sys; from suite.plan import Plan; Plan('config/paper.yaml'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not set(loaded.split()) & {"torch", "jax", "pandas", "gymnasium", "mujoco", "pyarrow", "scipy"}


def test_no_global_random_generator_is_used():
    for folder in ("suite", "implementations", "ablations"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
                    assert node.attr in ("Generator", "SeedSequence", "PCG64", "Philox", "default_rng"), file
                if isinstance(node, ast.Call):
                    seeders = ["random.seed", "torch.manual_seed", "np.random.seed"]
                    if file.parent.name == "adapters":  # what a package draws from it, its adapter must seed
                        seeders.remove("torch.manual_seed")
                    assert ast.unparse(node.func) not in seeders, file


def test_no_drawers_for_odds_and_ends():
    names = {
        file.name for folder in ("suite", "implementations", "ablations") for file in (ROOT / folder).rglob("*.py")
    }
    assert not names & {"utils.py", "helpers.py", "common.py", "misc.py", "base.py"}


LONGEST = 40
LONGER = {"implementations/adapters/tianshou.py: start": "tianshou's parts, each made of the ones before it"}
"""Functions that may be longer than LONGEST lines, each with the reason."""


def test_the_snakefile_and_functions_stay_short():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 90
    longer = set()
    for file in (ROOT / "implementations").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > LONGEST:
                longer.add(f"{file.relative_to(ROOT).as_posix()}: {node.name}")
    assert {name for name in longer if not name.startswith("implementations/listings")} == set(LONGER)


def test_engines_have_the_same_functions_in_the_same_order():
    """What both have stands in the same order in both, and every stage of an update is a function in both."""
    names = {}
    for framework in ("torch", "jax"):
        tree = ast.parse((ROOT / f"implementations/sac_{framework}.py").read_text())
        names[framework] = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    shared = [
        [name for name in names[one] if name in names[other]] for one, other in (("torch", "jax"), ("jax", "torch"))
    ]
    assert shared[0] == shared[1]
    assert [name for name in shared[0] if name.endswith("_stage")] == [f"{stage}_stage" for stage in STAGES]


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_importing_an_engine_changes_nothing(framework):
    """Flags, threads and folders are set by whoever starts an engine, not by whoever reads it."""
    code = f"""
import os, {framework}
before = dict(os.environ), {SETTINGS[framework]}
import implementations.sac_{framework}
assert before == (dict(os.environ), {SETTINGS[framework]})
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)

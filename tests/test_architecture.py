"""Who may import whom (docs/architecture.md), and rules a reader should be able to rely on."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

STDLIB = set(sys.stdlib_module_names)
FRAMEWORKS = {"torch", "jax", "optax"}
MAY_IMPORT = {
    "suite/spec.py": set(),
    "suite/schedule.py": {"suite.spec"},
    "suite/cited.py": {"suite.spec", "suite.schedule"},
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
    for file in (ROOT / "implementations").glob("sac_*.py"):
        own = FRAMEWORKS if "jax" in file.name else {"torch"}
        found = {root(name) for name in imports(file)}
        assert found <= {"numpy", "suite.spec", "suite.contract"} | own, file
        if "jax" in file.name:
            assert "torch" not in found


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
        allowed = {"suite.spec", "suite.schedule"}
        allowed |= {"suite.cited"} if file.parent.name == "presets" else {"suite.ablation", "dataclasses"}
        found = {name for name in imports(file) if not name.startswith(("implementations.presets", "ablations"))}
        assert found <= allowed, file
        kinds = ast.Import | ast.ImportFrom | ast.Assign | ast.Expr
        assert all(isinstance(node, kinds) for node in tree.body), f"{file} holds more than imports and literals"


def test_a_preset_computes_nothing():
    """Each value is written out, beside its source: no arithmetic, no loop, no call but of what names values."""
    naming = {"cited", "preset", "as_in"}
    computing = ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Lambda | ast.ListComp | ast.SetComp
    computing |= ast.DictComp | ast.GeneratorExp
    for file in (ROOT / "implementations/presets").glob("*.py"):
        tree = ast.parse(file.read_text())
        from_spec = {
            alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module in ("suite.spec", "suite.schedule")
            for alias in node.names
        }
        for node in ast.walk(tree):
            assert not isinstance(node, computing), f"{file.name}:{node.lineno} computes"
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) in naming | from_spec, f"{file.name}:{node.lineno} calls"


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


def test_the_snakefile_and_the_engines_stay_short():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 90
    for file in (ROOT / "implementations").glob("sac_*.py"):
        assert len(file.read_text().splitlines()) <= 600, file

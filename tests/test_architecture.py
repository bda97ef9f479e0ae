"""Who may import whom (docs/architecture.md), and rules a reader should be able to rely on."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders.runs import ROOT

from implementations.codebases import CODEBASES
from suite.sac.spec import STAGES

STDLIB = set(sys.stdlib_module_names)
FRAMEWORKS = {"torch", "jax", "optax"}
SETTINGS = {"torch": "torch.get_num_threads()", "jax": "dict(jax.config.values)"}
FLOORS = (
    ("errors", "files", "wording"),
    ("sac", "statistics"),
    ("lab",),
    ("specimens",),
    ("published",),
    ("study",),
    ("analysis",),
    ("gate", "bench"),
    ("report",),
    ("cli",),
)
"""The rooms of suite/, from the ground up: a room imports from its own and from lower floors."""
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
NEVER = {
    "sac": {"statistics"},
    "statistics": set(FLOOR) - {"statistics"},
    "lab": {"statistics"},
    "report": {"lab", "statistics"},
    "gate": {"bench"},
    "bench": {"gate"},
}
"""What a room leaves alone besides, though the floors would let it."""
LIBRARIES = {
    "sac": {"numpy"},
    "statistics": {"numpy", "scipy", "statsmodels"},
    "lab": {"numpy", "pyarrow", "gymnasium", "mujoco", "filelock", "psutil", "tensorboard", "wandb"},
    "errors": set(),
    "files": {"psutil"},
    "wording": set(),
}
"""The libraries of the rooms that others lean on; the others may use what pyproject.toml names, frameworks apart."""


def imports(path: Path) -> set[str]:
    """The modules a file imports anywhere, dotted; `from suite import x` counts as suite.x where x is a module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                deeper = ROOT / node.module.replace(".", "/") / f"{alias.name}.py"
                package = ROOT / node.module.replace(".", "/") / alias.name
                names.add(f"{node.module}.{alias.name}" if deeper.exists() or package.is_dir() else node.module)
    return {name for name in names if name.split(".")[0] not in STDLIB}


def room_of(path: Path) -> str:
    """The room of a file of suite/: its folder there, or its own name."""
    first = path.relative_to(ROOT / "suite").parts[0]
    return first.removesuffix(".py")


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("suite.")}


def libraries_imported(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - {"suite", "implementations", "ablations"}


def files_of(room: str) -> list[Path]:
    folder = ROOT / "suite" / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / "suite" / f"{room}.py"]


def test_suite_has_the_rooms_of_the_plan_and_nothing_beside_them():
    there = {
        path.stem for path in (ROOT / "suite").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert there == set(FLOOR) | {"__init__", "__main__"}


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_a_room_imports_only_rooms_below_it(room):
    for file in files_of(room):
        for other in rooms_imported(file) - {room}:
            assert FLOOR[other] <= FLOOR[room], f"{file.relative_to(ROOT)} imports suite.{other}, which is above it"
            assert other not in NEVER.get(room, ()), f"{file.relative_to(ROOT)} imports suite.{other}"


@pytest.mark.parametrize("room", sorted(LIBRARIES))
def test_a_room_that_others_lean_on_needs_few_libraries(room):
    for file in files_of(room):
        assert libraries_imported(file) <= LIBRARIES[room], file.relative_to(ROOT)


def test_only_the_benchmark_names_a_framework():
    for room in set(FLOOR) - {"bench"}:
        for file in files_of(room):
            assert not libraries_imported(file) & FRAMEWORKS, file.relative_to(ROOT)


def test_engines_know_the_definition_and_their_own_framework():
    engines = ("sac_*.py", "soft_q_learning_*.py", "mixture_*.py", "lockstep_*.py")
    for file in (file for pattern in engines for file in (ROOT / "implementations").glob(pattern)):
        framework = {"jax", "optax"} if "jax" in file.name else {"torch"}
        assert libraries_imported(file) <= {"numpy"} | framework, file.name
        assert rooms_imported(file) <= {"sac"}, file.name


def test_adapters_know_the_definition_and_their_own_package():
    for file in (ROOT / "implementations/adapters").glob("*.py"):
        package = {"sbx": {"sbx", "jax"}, "codebases": set()}.get(file.stem, {file.stem, "torch"})
        assert libraries_imported(file) <= {"numpy", "gymnasium"} | package, file.name
        assert rooms_imported(file) <= {"sac"}, file.name


def test_a_code_base_as_a_file_knows_nothing_of_the_suite():
    for file in (ROOT / "implementations/codebases").glob("*.py"):
        libraries = {name.split(".")[0] for name in imports(file)}
        framework = CODEBASES.get(file.stem, ())
        assert libraries <= {"numpy", "gymnasium", *framework}, file.name
        assert set(framework) <= libraries, f"{file.name} has no use for what it is registered with"


def test_presets_and_ablations_are_data():
    for file in (*(ROOT / "implementations/presets").glob("*.py"), *(ROOT / "ablations").glob("*.py")):
        tree = ast.parse(file.read_text())
        assert rooms_imported(file) <= {"sac"} and libraries_imported(file) <= {"dataclasses"}, file
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
            if isinstance(node, ast.ImportFrom) and node.module in ("suite.sac.spec", "suite.sac.schedule")
            for alias in node.names
        }
        for node in ast.walk(tree):
            assert not isinstance(node, computing), f"{file.name}:{node.lineno} computes"
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) in naming | from_spec, f"{file.name}:{node.lineno} calls"


def test_a_plan_loads_no_heavy_library():
    code = "import sys; from suite.study.plan import Plan; Plan('config/paper.yaml'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not set(loaded.split()) & {"torch", "jax", "pandas", "gymnasium", "mujoco", "pyarrow", "scipy"}


@pytest.mark.parametrize("engine", ["torch", "jax"])
def test_a_job_loads_its_engine_and_nothing_heavy_besides(engine, tmp_path):
    """From the command to the record: what a run has no use for would be loaded by every one of thousands."""
    config = f"""sweeps: [{{tasks: [Pendulum-v1], env_steps: 200, evaluate: {{every: 200, episodes: 1}}, seeds: 1,
      implementations: [{engine}], presets: [sac_v2_small]}}]"""
    (tmp_path / "study.yaml").write_text(config)
    code = """
import sys
from suite.cli import main
from suite.study.plan import Plan
(record,) = Plan("study.yaml").runs
main(["run", "--config", "study.yaml", record], standalone_mode=False)
print(*sys.modules)"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    heavy = {"torch", "jax", "pandas", "scipy", "mujoco", "wandb", "snakemake", "rich", "matplotlib"} - {engine}
    assert engine in done.stdout.split() and not set(done.stdout.split()) & heavy
    assert list(tmp_path.rglob("s0-200.parquet"))


def test_no_global_random_generator_is_used():
    for folder in ("suite", "implementations", "ablations"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
                    assert node.attr in ("Generator", "SeedSequence", "PCG64", "Philox", "default_rng"), file
                if isinstance(node, ast.Call):
                    seeders = ["random.seed", "torch.manual_seed", "np.random.seed"]
                    if file.parent.name in ("adapters", "codebases"):  # what draws from it, its adapter must seed
                        seeders.remove("torch.manual_seed")
                    assert ast.unparse(node.func) not in seeders, file


def test_no_drawers_for_odds_and_ends():
    names = {
        file.name for folder in ("suite", "implementations", "ablations") for file in (ROOT / folder).rglob("*.py")
    }
    assert not names & {"utils.py", "helpers.py", "common.py", "misc.py", "base.py"}


def test_no_test_imports_from_another_test():
    for file in (ROOT / "tests").rglob("*.py"):
        assert not {name for name in imports(file) if name.split(".")[-1].startswith("test_")}, file


def test_the_snakefile_can_be_read_aloud():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 90


def test_the_document_has_the_same_floors_and_libraries():
    text = (ROOT / "docs/architecture.md").read_text()
    for level, rooms in enumerate(FLOORS, start=1):
        assert f"| {level} | {', '.join(f'`{room}`' for room in rooms)} |" in text
    for room in ("sac", "statistics"):
        assert f"`{room}`: {', '.join(sorted(LIBRARIES[room]))}" in text
    assert f"| {', '.join(sorted(LIBRARIES['lab']))} |" in text


LONGEST = 40
LONGER = {"implementations/adapters/tianshou.py: start": "tianshou's parts, each made of the ones before it"}
"""Functions that may be longer than LONGEST lines, each with the reason."""


def test_functions_stay_short():
    longer = set()
    for folder in ("suite", "implementations", "ablations"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > LONGEST:
                    longer.add(f"{file.relative_to(ROOT).as_posix()}: {node.name}")
    assert longer == set(LONGER)


def test_no_conditional_expression_stands_inside_another():
    for folder in ("suite", "implementations", "ablations"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.IfExp):
                    inner = [part for part in ast.walk(node) if isinstance(part, ast.IfExp) and part is not node]
                    assert not inner, f"{file.relative_to(ROOT)}:{node.lineno}"


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

"""What engines set on their host, and when: flags before JAX starts, and nothing against the user's own settings."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from builders.runs import ROOT

pytest.importorskip("jax")
FLAGS = "--xla_cpu_multi_thread_eigen=false --xla_backend_extra_options=xla_cpu_use_multi_output_fusion=true"
UPDATE = """
import os
from suite.specimens.cases import BASE, SPACES, at, inputs, start
spec = at(BASE, "float32")
rows, noise, obs, act_noise = inputs(spec)
def update(engine):
    return engine.update(engine.init(spec, SPACES, start(spec, 0)), rows, noise, obs, act_noise)
"""


def run(code: str, **environment: str) -> None:
    """Code in a process of its own, without the settings this one may have made."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("XLA_FLAGS", "NPROC")}
    subprocess.run([sys.executable, "-c", UPDATE + code], cwd=ROOT, check=True, env=inherited | environment)


def test_jax_has_its_flags_before_it_starts(tmp_path):
    run(
        f"""
import implementations, jax
from jax._src import xla_bridge
engine = implementations.load("jax")
assert "XLA_FLAGS" not in os.environ and not xla_bridge.backends_are_initialized()
engine.device()
assert os.environ["XLA_FLAGS"] == {FLAGS!r} and os.environ["NPROC"] == "1"
assert not jax.config.values["jax_cpu_enable_async_dispatch"]
assert jax.config.jax_compilation_cache_dir.startswith({str(tmp_path)!r})
""",
        SAC_SUITE_JAX_CACHE=str(tmp_path),
    )


def test_init_sets_jax_up_too_and_keeps_what_the_user_has_set(tmp_path):
    run(
        f"""
import implementations, jax
jax.config.update("jax_compilation_cache_dir", {str(tmp_path)!r})
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)  # a fast machine compiles within JAX's own second
update(implementations.load("jax"))
assert os.environ["XLA_FLAGS"] == "--xla_cpu_multi_thread_eigen=true" and os.environ["NPROC"] == "1"
assert jax.config.jax_compilation_cache_dir == {str(tmp_path)!r} and os.listdir({str(tmp_path)!r})
""",
        XLA_FLAGS="--xla_cpu_multi_thread_eigen=true",
    )


def test_engine_runs_where_jax_has_started_already(tmp_path):
    run(
        """
import jax.numpy as jnp
jnp.ones(3).sum().block_until_ready()
import implementations, numpy as np
*_, metrics = update(implementations.load("jax"))
assert np.isfinite(metrics["critic_loss"]).all()
""",
        SAC_SUITE_JAX_CACHE=str(tmp_path),
    )


def test_updates_are_over_when_they_return_where_jax_has_started_already():
    run(
        """
import jax.numpy as jnp
jnp.ones(3).sum().block_until_ready()
import implementations
from suite.specimens.cases import shrunk
from suite.specimens.catalogue import resolve
from suite.specimens.contract_checks import what_update_is_given_is_the_callers_again
for preset in ("sac_v2", "soft_q_learning", "haarnoja_gmm"):
    spec = shrunk(resolve(preset, "HalfCheetah-v5", {})[0])
    what_update_is_given_is_the_callers_again(implementations.load("jax", type(spec).__name__), spec)
"""
    )


def test_torch_computes_on_one_thread():
    code = """
import implementations, torch
torch.set_num_threads(2)
update(implementations.load("torch"))
assert torch.get_num_threads() == 1
"""
    run(code, OMP_NUM_THREADS="2")

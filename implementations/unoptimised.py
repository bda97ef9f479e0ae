"""An engine for calls that are few and small: compiled in a seventh of the time, without the compiler's optimiser."""

from __future__ import annotations

import functools
import gc
import sys
from dataclasses import replace
from typing import Any

from suite.sac.contract import Params, Spaces
from suite.sac.specs import Spec

KEPT = 30
"""Compiled specs kept at once: hundreds in one process exhaust the memory mappings Linux allows it."""


class Quick:
    """An engine as it is, but compiled in less time; `as_in_a_run` is the engine itself."""

    def __init__(self, engine: Any):
        self.as_in_a_run = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.as_in_a_run, name)

    def init(self, spec: Spec, spaces: Spaces, params: Params) -> Any:
        """See suite.sac.contract.Implementation.init."""
        if _unoptimised.cache_info().currsize > KEPT:  # drops compiled programs now and then
            _unoptimised.cache_clear()
            for module in ("implementations.sac_jax", "implementations.lockstep_jax"):
                if module in sys.modules:
                    sys.modules[module].programs.cache_clear()
            gc.collect()
        state = self.as_in_a_run.init(spec, spaces, params)
        return replace(state, programs=_unoptimised(state.programs)) if hasattr(state, "programs") else state


@functools.cache
def _unoptimised(programs: Any) -> Any:
    """The same traced functions, compiled without XLA's optimiser."""
    import jax

    if jax.default_backend() != "cpu":
        return programs
    options = {
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
        "xla_cpu_use_fusion_emitters": False,
        "xla_cpu_parallel_codegen_split_count": 1,
    }
    return type(programs)(*(jax.jit(one.__wrapped__, compiler_options=options) for one in programs))

"""JAX as the suite runs it on this machine: compiler flags, threads and the folder of compiled programs."""

from __future__ import annotations

import os
import platform
import zlib
from functools import cache
from pathlib import Path

import jax


@cache
def configure() -> None:
    """Sets JAX up, once in a process and before its first array, because XLA reads its flags when it starts. What the
    user has set already stays, and so do the flags of an XLA that somebody else has started."""
    # One thread: two for one small network are slower. And one pass over the moments in Adam, not one for each result.
    one_thread = "--xla_cpu_multi_thread_eigen=false"
    one_pass = "--xla_backend_extra_options=xla_cpu_use_multi_output_fusion=true"
    os.environ.setdefault("XLA_FLAGS", f"{one_thread} {one_pass}")
    os.environ.setdefault("NPROC", "1")  # and for what it runs side by side: a sweep has a process on every core
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # the loop waits for the action anyway
    if jax.config.values["jax_compilation_cache_dir"] is None:  # programs kept for the next process of the kind
        home = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
        folder = os.environ.get("SAC_SUITE_JAX_CACHE", Path(home, "sac-suite", "jax"))
        jax.config.update("jax_compilation_cache_dir", str(Path(folder, processor())))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def wait(result: jax.Array) -> None:
    """Returns when the program that gives `result` has ended. While it runs, JAX may read a caller's arrays in place:
    in the background where somebody else has started JAX before `configure`, and on whatever is no processor."""
    result.block_until_ready()


def processor() -> str:
    """A name for this kind of processor: machines that share a home must not share what was compiled for one."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    instructions = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()}-{zlib.crc32(instructions.encode()):08x}"

"""The floor under every engine: products of 256 x 256 float32 matrices on one thread, as each library computes them.

Each function gives another, which computes so many products, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

SIZE = 256
FLOP = 2 * SIZE**3


def factors() -> np.ndarray:
    """Two matrices, the second a rotation: where each product is the next one's factor, nothing grows."""
    a, b = np.random.default_rng(0).standard_normal((2, SIZE, SIZE), np.float32)
    return np.stack([a, np.linalg.qr(b)[0]])


def numpy() -> Callable[[int], None]:
    a, b = factors()
    return _repeated(partial(np.matmul, a, b, out=np.empty_like(a)))


def torch() -> Callable[[int], None]:
    import torch

    torch.set_num_threads(1)
    a, b = torch.from_numpy(factors())
    return _repeated(partial(torch.mm, a, b, out=torch.empty_like(a)))


def _repeated(product: Callable[[], object]) -> Callable[[int], None]:
    def products(times: int) -> None:
        for _ in range(times):
            product()

    return products


def jax() -> Callable[[int], None]:
    """The loop is inside the compiled program."""
    import jax

    from implementations import jax_host
    from implementations.sac_jax import matmul

    jax_host.configure()
    a, b = factors()

    @jax.jit
    def run(a, b, times):
        return jax.lax.fori_loop(0, times, lambda _, x: matmul(False, x, b), a)

    return lambda times: run(a, b, times).block_until_ready()

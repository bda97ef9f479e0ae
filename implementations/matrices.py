"""The floor under every engine: products of 256 x 256 float32 matrices on one thread, as each library computes them."""

from __future__ import annotations

from collections.abc import Callable

SIZE = 256
FLOP = 2 * SIZE**3


def numpy() -> Callable[[int], None]:
    """A function that computes so many products, one after the other."""
    import numpy as np

    a, b = np.random.default_rng(0).standard_normal((2, SIZE, SIZE), np.float32)
    out = np.empty_like(a)

    def products(times: int) -> None:
        for _ in range(times):
            np.matmul(a, b, out=out)

    return products


def torch() -> Callable[[int], None]:
    """As `numpy`."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    a, b = torch.from_numpy(np.random.default_rng(0).standard_normal((2, SIZE, SIZE), np.float32))
    out = torch.empty_like(a)

    def products(times: int) -> None:
        for _ in range(times):
            torch.mm(a, b, out=out)

    return products


def jax() -> Callable[[int], None]:
    """As `numpy`; the loop is inside the compiled program, and each product feeds the next."""
    import jax
    import numpy as np

    from implementations.sac_jax import product

    a, b = np.random.default_rng(0).standard_normal((2, SIZE, SIZE), np.float32)
    b = np.linalg.qr(b)[0]  # a rotation: nothing grows

    @jax.jit
    def run(a, b, times):
        return jax.lax.fori_loop(0, times, lambda _, x: product(x, b), a)

    def products(times: int) -> None:
        run(a, b, times).block_until_ready()

    return products

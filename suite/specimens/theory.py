"""The theory of SAC, each claim computed on finite MDPs (implementations/tabular.py): docs/theory.md is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from implementations import tabular
from implementations.presets.sac_v2 import SPEC
from suite.sac import identity
from suite.sac.spec import LearnedAlpha
from suite.wording import number

PATH = identity.ROOT / "docs" / "theory.md"
MDPS = [tabular.garnet(seed) for seed in range(20)]
START = np.full(8, 1 / 8)
ALPHA, DISCOUNT = 0.3, 0.9
ENTROPY = 0.7  # nats, of ln 3 = 1.10 that three actions can have
RULE = LearnedAlpha(init=1.0, entropy_per_dim=-1.0, objective="log_alpha", sample="actor", lr=0.5)
ROUNDING = 1e-10
"""What float64 leaves of an equality of numbers of order 10, with two digits to spare."""
SOLVED = 1e-6
"""What the dual's minimiser leaves, with two digits to spare."""


class Claim(NamedTuple):
    """One statement, its source, and the worst case of `measured` over MDPS, which must not exceed `bound`."""

    statement: str
    source: str
    quantity: str
    measured: float
    bound: float

    @property
    def holds(self) -> bool:
        return bool(self.measured <= self.bound)


def claims() -> Iterator[Claim]:
    """Every claim of docs/theory.md, computed; about half a minute."""
    yield from iteration()
    yield from limits()
    yield from temperatures()
    yield from sampled()


def iteration() -> Iterator[Claim]:
    """Lemmas 1 and 2 and Theorem 1 of arXiv 1801.01290."""
    paper, ratio, apart, worse, off = "arXiv 1801.01290", 0.0, 0.0, 0.0, 0.0
    rng = np.random.default_rng(0)
    for mdp in MDPS:
        policy = tabular.improve(rng.standard_normal(mdp.reward.shape), 1.0)
        a, b = 10 * rng.standard_normal((2, *mdp.reward.shape))
        for other in (b, a + 1.0):  # of all pairs, those that differ by a constant come nearest to the bound
            after = _once(mdp, a, policy) - _once(mdp, other, policy)
            ratio = max(ratio, np.abs(after).max() / np.abs(a - other).max())
        for _ in range(400):
            a = _once(mdp, a, policy)
        apart = max(apart, np.abs(a - tabular.evaluate(mdp, policy, ALPHA, DISCOUNT)).max())
        values = list(tabular.policy_iteration(mdp, ALPHA, DISCOUNT))
        worse = max(worse, *((old - new).max() for old, new in pairwise(values)))
        off = max(off, np.abs(values[-1] - tabular.value_iteration(mdp, ALPHA, DISCOUNT)).max())
    yield Claim("Soft evaluation contracts by the discount in the largest error", f"{paper}, Lemma 1",
                "distance of two Q after one backup / (discount x before)", ratio / DISCOUNT, 1.0)  # fmt: skip
    yield Claim("Repeated, it ends at the policy's soft Q", f"{paper}, Lemma 1",
                "largest distance from the solved linear equations after 400 backups", apart, ROUNDING)  # fmt: skip
    yield Claim("The improved policy is worse in no state and for no action", f"{paper}, Lemma 2",
                "largest loss of Q from one policy to the next", worse, ROUNDING)  # fmt: skip
    yield Claim("Soft policy iteration ends at the fixed point of soft value iteration", f"{paper}, Theorem 1",
                "largest distance of the two Q", off, ROUNDING)  # fmt: skip


def _once(mdp: tabular.MDP, q: np.ndarray, policy: np.ndarray) -> np.ndarray:
    return tabular.backup(mdp, tabular.state_value(q, policy, ALPHA), DISCOUNT)


def limits() -> Iterator[Claim]:
    """What is left of the ordinary optimum as the temperature goes."""
    for alpha in (1.0, 0.1, 0.01, 0.001):
        most = alpha * np.log(3) * DISCOUNT / (1 - DISCOUNT)
        apart = max(np.abs(tabular.optimal(mdp, alpha, DISCOUNT) - tabular.value_iteration(mdp, 0.0, DISCOUNT)).max()
                    for mdp in MDPS)  # fmt: skip
        yield Claim(f"At temperature {alpha:g} the soft optimum is near value iteration's",
                    "the entropy's bonus is at most alpha ln A a step",
                    "largest distance of the two Q", apart, most)  # fmt: skip


def temperatures() -> Iterator[Claim]:
    """The constrained problem of arXiv 1812.05905, section 5, and the rule that the engines follow."""
    paper, lacking, gap, off = "arXiv 1812.05905", 0.0, 0.0, 0.0
    for mdp in MDPS:
        endless = mdp._replace(transition=mdp.transition / mdp.transition.sum(-1, keepdims=True))
        plan = tabular.constrained(endless, START, horizon=6, least=ENTROPY)
        lacking = max(lacking, (ENTROPY - plan.entropy).max())
        gap = max(gap, abs(plan.dual - plan.value))
    for seed, mdp in enumerate(MDPS[:5]):
        exact = tabular.temperature(mdp, START, DISCOUNT, ENTROPY)
        rng = np.random.default_rng(seed)
        path = tabular.learned_temperature(mdp, START, DISCOUNT, ENTROPY, RULE, 1_500, rng)
        off = max(off, abs(path[-200:].mean() / exact - 1))
    yield Claim(f"With the dual's temperatures every step has the entropy asked for, {ENTROPY} nats",
                f"{paper}, eq. 11 and 17", "largest lack over 6 steps", lacking, SOLVED)  # fmt: skip
    yield Claim("There no return is left: the dual's value is the return", f"{paper}, eq. 12-16",
                "distance of the two", gap, SOLVED)  # fmt: skip
    yield Claim("The engines' learned temperature settles where the entropy is the target", f"{paper}, eq. 18",
                "relative distance of alpha from the exact root, over five MDPs", off, 0.05)  # fmt: skip


def sampled() -> Iterator[Claim]:
    """A soft actor-critic with tables that only sees samples, against the exact soft Q and its policy."""
    spec, off, apart = replace(SPEC, discount=DISCOUNT, tau=0.1), 0.0, 0.0
    for seed, mdp in enumerate(MDPS[:5]):
        exact = tabular.optimal(mdp, ALPHA, DISCOUNT)
        tables = tabular.actor_critic(mdp, spec, ALPHA, 5_000, np.random.default_rng(seed))
        off = max(off, np.abs(tables.q - exact).max() / np.abs(exact).max())
        policy = tabular.improve(tables.logits, 1.0)
        apart = max(apart, np.abs(policy - tabular.improve(exact, ALPHA)).max())
    yield Claim("A sampled soft actor-critic with the equations' terms reaches the exact soft Q",
                "suite/sac/equations.py", "largest distance / largest Q, over five MDPs", off, 0.02)  # fmt: skip
    yield Claim("Its policy is the one in proportion to exp(Q / alpha)", "arXiv 1801.01290, eq. 4",
                "largest difference of a probability, over five MDPs", apart, 0.05)  # fmt: skip


# --- the page -----------------------------------------------------------------------------------------------------

INTRODUCTION = """# The theory, computed
<!-- made by: python -m suite theory --write -->

SAC stands on soft policy iteration. On a finite MDP that can be done exactly, and so every claim below is a number:
the worst case over 20 random MDPs of 8 states and 3 actions (`implementations/tabular.py`, temperature {alpha},
discount {discount} where nothing else is said). `python -m suite theory` computes it again and ends with exit code 1
if one does not hold.

| claim | source | what is measured | worst case | must not exceed | holds |
|---|---|---|---|---|---|
"""
BEHIND = """
Equalities are held to {rounding:g}, and to {solved:g} where a minimiser stands between: what is left below that is
rounding, and differs from one processor to another.

* **Contraction**: episodes go on with a probability of 0.95 a step, so that no two Q keep more than 0.95 of the
  discount; two that differ by a constant keep all of it.
* **The sampled actor-critic** has tables for networks and knows only sampled transitions and sampled next actions, of
  every pair of state and action alike; its policy's step takes the mean over the three actions exactly. Its value of
  the next state, its target and its minimum over critics are the functions of `suite/sac/equations.py` that the
  engines are held against: with the entropy's sign turned round it ends elsewhere
  (`tests/specimens/test_theory.py`). Both critics learn from the same targets and agree, so that here the minimum is
  either of them.
* **The temperature** is solved twice: at every step of a problem of six steps, as the paper has it, by minimising its
  convex dual; and as one number for the discounted problem, whose root the rule of the engines must find by
  stochastic steps.
"""


def render(computed: list[Claim]) -> str:
    """The page of these claims."""
    rows = [
        f"| {one.statement} | {one.source} | {one.quantity} | {_worst(one)} | {number(one.bound)} | "
        f"{'yes' if one.holds else '**no**'} |"
        for one in computed
    ]
    head = INTRODUCTION.format(alpha=ALPHA, discount=DISCOUNT)
    return head + "\n".join(rows) + "\n" + BEHIND.format(rounding=ROUNDING, solved=SOLVED)


def _worst(one: Claim) -> str:
    if one.bound <= SOLVED and one.holds:
        return f"less than {number(one.bound)}"
    return number(float(f"{one.measured:.2g}"))

"""Soft policy iteration on finite MDPs: exact, the constrained temperature, and a soft actor-critic that only samples.

The ground truth of what the engines approximate (arXiv 1801.01290, Lemmas 1-2 and Theorem 1; arXiv 1812.05905, section
5): `suite.specimens.theory` computes every claim of the theory with it. S states, A actions; float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import log_softmax, logsumexp, softmax

from suite.sac import equations
from suite.sac.spec import LearnedAlpha, SacSpec

MOST_ROUNDS = 1_000
"""Of an iteration: what has not ended by then is no contraction, and its claims must fail, not wait."""


class MDP(NamedTuple):
    """reward [S, A]; transition [S, A, S], whose rows add up to 1 or less: what is missing ends the episode."""

    reward: np.ndarray
    transition: np.ndarray


def garnet(seed: int, states: int = 8, actions: int = 3, branches: int = 3, ends: float = 0.05) -> MDP:
    """A random MDP: from every pair to `branches` states; the episode ends with probability `ends` at each step."""
    rng = np.random.default_rng(seed)
    transition = np.zeros((states, actions, states))
    for pair in np.ndindex(states, actions):
        transition[pair][rng.choice(states, branches, replace=False)] = rng.dirichlet(np.ones(branches))
    return MDP(rng.standard_normal((states, actions)), (1 - ends) * transition)


# --- soft policy iteration ----------------------------------------------------------------------------------------


def entropy(policy: np.ndarray) -> np.ndarray:
    """H(pi(.|s)) [...] of policies [..., A]; an action that is never taken adds nothing."""
    return -(policy * np.log(np.where(policy > 0, policy, 1.0))).sum(-1)


def state_value(q: np.ndarray, policy: np.ndarray, alpha: float) -> np.ndarray:
    """V(s) [S] = E_pi [Q(s, a) - alpha log pi(a|s)] (1801.01290, eq. 3)."""
    return (policy * q).sum(-1) + alpha * entropy(policy)


def backup(mdp: MDP, value: np.ndarray, discount: float) -> np.ndarray:
    """Q [S, A] = r + discount E [V(s')] (1801.01290, eq. 2)."""
    return mdp.reward + discount * mdp.transition @ value


def evaluate(mdp: MDP, policy: np.ndarray, alpha: float, discount: float) -> np.ndarray:
    """The policy's soft Q [S, A], exactly: the fixed point that Lemma 1's iteration has, by a linear solve."""
    rewards = (policy * mdp.reward).sum(-1) + alpha * entropy(policy)
    steps = np.einsum("sa,sat->st", policy, mdp.transition)
    value = np.linalg.solve(np.eye(len(steps)) - discount * steps, rewards)
    return backup(mdp, value, discount)


def improve(q: np.ndarray, alpha: float) -> np.ndarray:
    """The policy [S, A] in proportion to exp(Q / alpha) (1801.01290, eq. 4)."""
    return softmax(q / alpha, axis=-1)


def policy_iteration(mdp: MDP, alpha: float, discount: float, tolerance: float = 1e-13) -> Iterator[np.ndarray]:
    """The soft Q [S, A] of every policy, from the uniform one until none moves by more than `tolerance` of its size."""
    q = evaluate(mdp, np.full(mdp.reward.shape, 1 / mdp.reward.shape[1]), alpha, discount)
    yield q
    for _ in range(MOST_ROUNDS):
        following = evaluate(mdp, improve(q, alpha), alpha, discount)
        moved, q = np.abs(following - q).max(), following
        yield q
        if moved <= tolerance * np.abs(q).max():
            return


def optimal(mdp: MDP, alpha: float, discount: float) -> np.ndarray:
    """The optimal soft Q [S, A], by soft policy iteration."""
    *_, q = policy_iteration(mdp, alpha, discount)
    return q


def value_iteration(mdp: MDP, alpha: float, discount: float, tolerance: float = 1e-14) -> np.ndarray:
    """The optimal soft Q [S, A] by iterating V = alpha log sum exp(Q / alpha); alpha 0: the ordinary max."""
    q = np.zeros_like(mdp.reward)
    for _ in range(MOST_ROUNDS):
        value = alpha * logsumexp(q / alpha, axis=-1) if alpha else q.max(-1)
        following = backup(mdp, value, discount)
        moved, q = np.abs(following - q).max(), following
        if moved <= tolerance * max(np.abs(q).max(), 1.0):
            break
    return q


# --- the temperature as a constrained problem (1812.05905, section 5) ---------------------------------------------


class Plan(NamedTuple):
    """A solution over T steps: alpha [T], policy [T, S, A], the entropies [T] it has, its return, the dual's value."""

    alpha: np.ndarray
    policy: np.ndarray
    entropy: np.ndarray
    value: float
    dual: float


def plan(mdp: MDP, start: np.ndarray, alpha: np.ndarray, least: float) -> Plan:
    """The best policy for given temperatures [T], from states distributed as `start` [S] (1812.05905, eq. 13-17)."""
    policies, value = [], np.zeros(len(start))
    for one in alpha[::-1]:
        q = backup(mdp, value, 1.0)
        policies.append(improve(q, one))
        value = one * logsumexp(q / one, axis=-1)
    policy, reached, total, entropies = np.array(policies[::-1]), start, 0.0, []
    for now in policy:
        entropies.append(float(reached @ entropy(now)))
        total += float(reached @ (now * mdp.reward).sum(-1))
        reached = np.einsum("s,sa,sat->t", reached, now, mdp.transition)
    return Plan(alpha, policy, np.array(entropies), total, float(start @ value - least * alpha.sum()))


def constrained(mdp: MDP, start: np.ndarray, horizon: int, least: float) -> Plan:
    """The largest return with an expected entropy of at least `least` at every step, by its convex dual in alpha [T].

    The dual's gradient in alpha_t is the entropy at step t less `least` (1812.05905, eq. 16-17). An alpha at the bound
    of 1e-6 belongs to a constraint that does not bind. `start` may not let episodes end: entropies are of all of them.
    """

    def dual(alpha: np.ndarray) -> tuple[float, np.ndarray]:
        one = plan(mdp, start, alpha, least)
        return one.dual, one.entropy - least

    options = {"ftol": 1e-16, "gtol": 1e-11, "maxiter": 10_000}
    solved = minimize(dual, np.ones(horizon), jac=True, bounds=[(1e-6, None)] * horizon, options=options)
    return plan(mdp, start, solved.x, least)


def visits(mdp: MDP, policy: np.ndarray, start: np.ndarray, discount: float) -> np.ndarray:
    """How a policy's discounted steps are spread over the states [S]; they add up to 1."""
    steps = np.einsum("sa,sat->st", policy, mdp.transition)
    spread = np.linalg.solve(np.eye(len(start)) - discount * steps.T, start)
    return spread / spread.sum()


def mean_entropy(mdp: MDP, alpha: float, start: np.ndarray, discount: float) -> float:
    """The entropy of the optimal policy at a temperature, over its own visits."""
    policy = improve(optimal(mdp, alpha, discount), alpha)
    return float(visits(mdp, policy, start, discount) @ entropy(policy))


def temperature(mdp: MDP, start: np.ndarray, discount: float, target: float) -> float:
    """The alpha whose optimal policy has the entropy `target` over its own visits: where the engines' rule rests."""
    low, high = np.log(1e-3), np.log(1e3)
    return float(np.exp(brentq(lambda x: mean_entropy(mdp, np.exp(x), start, discount) - target, low, high)))


def learned_temperature(
    mdp: MDP,
    start: np.ndarray,
    discount: float,
    target: float,
    rule: LearnedAlpha,
    updates: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """alpha after every update [updates] of the engines' own rule (equations.alpha_loss), on sampled actions.

    The policy is the optimal one at each alpha; 64 states of its visits and an action in each make an update.
    """
    assert rule.init is not None
    log_alpha, path = float(np.log(rule.init)), []
    for update in range(updates):
        policy = improve(optimal(mdp, np.exp(log_alpha), discount), np.exp(log_alpha))
        states = rng.choice(len(start), 64, p=visits(mdp, policy, start, discount))
        log_prob = np.log(policy[states, draw(policy[states], rng)])
        log_alpha -= rule.lr / (1 + update / 50) * equations.alpha_loss(rule, log_alpha, log_prob, target)[1]
        path.append(np.exp(log_alpha))
    return np.array(path)


# --- a soft actor-critic that samples -----------------------------------------------------------------------------


def draw(policy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One action [B] of each of the policies [B, A]."""
    return (rng.random((len(policy), 1)) > policy.cumsum(1)[:, :-1]).sum(1)


class Tables(NamedTuple):
    """What the sampled actor-critic learns: q [n, S, A] of each critic, target [n, S, A], logits [S, A]."""

    q: np.ndarray
    target: np.ndarray
    logits: np.ndarray


def actor_critic(mdp: MDP, spec: SacSpec, alpha: float, updates: int, rng: np.random.Generator) -> Tables:
    """Soft actor-critic with tables for networks, from sampled transitions: SAC's update with `equations`' own terms.

    Every update takes 64 transitions of each pair of state and action. Steps shrink as 1 / update, as Robbins and Monro
    ask, so that the tables end where the expectation of the update is zero.
    """
    shape = mdp.reward.shape
    many = MDP(np.tile(mdp.reward.ravel(), 64), np.tile(mdp.transition.reshape(-1, shape[0]), (64, 1)))
    tables = Tables(np.zeros((spec.critics, *shape)), np.zeros((spec.critics, *shape)), np.zeros(shape))
    for update in range(updates):
        size = 1 / (1 + update / 50)
        next_state, terminated = transitions(many, rng)
        log_pi = log_softmax(tables.logits, axis=-1)
        following = draw(np.exp(log_pi[next_state]), rng)
        value = equations.soft_value(
            spec, tables.target[:, next_state, following], log_pi[next_state, following], alpha
        )
        y = equations.bellman_target(spec, many.reward, terminated, value).reshape(64, *shape).mean(0)
        tables.q[:] -= size * (tables.q - y)  # the gradient of (Q - y)^2 / 2 in the table's entry
        q = equations.reduce(spec.actor_reduce, tables.q)
        surplus = alpha * log_pi - q  # of mean [alpha log pi - Q]: its gradient in the logits over pi
        tables.logits[:] -= 0.1 / alpha * (surplus - (np.exp(log_pi) * surplus).sum(-1, keepdims=True))
        tables.target[:] += spec.tau * (tables.q - tables.target)
    return tables


def transitions(mdp: MDP, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A next state [B] of every row of `transition` [B, S], and whether it ended the episode (the state is then 0)."""
    following = (rng.random((len(mdp.transition), 1)) > mdp.transition.cumsum(1)).sum(1)
    terminated = following == mdp.transition.shape[1]
    return np.where(terminated, 0, following), terminated.astype(float)

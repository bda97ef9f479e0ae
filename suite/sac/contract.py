"""What the instrument and the specimens promise each other: shapes, names and the protocol of an engine.

S seeds run in lockstep, so every array that crosses this border has a leading axis S. Rows are packed (one gather, one
transfer): obs, action, reward, next_obs, terminated side by side in float32, then what SacSpec.retrace asks for: every
further step's action, reward, next_obs, terminated, log_prob, goes_on.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec
from suite.sac.specs import Spec

Params = dict[str, np.ndarray]
"""Canonical arrays: "<net>/<tensor>" ("actor/w0", "target_critic1/b2", matrices [in, out]), "log_alpha",
Adam's moments "adam_m/<net>/<tensor>", "adam_v/...", and the count "updates_done"."""

Metrics = dict[str, np.ndarray]
"""Scalars of the last update by name, [S]: "critic_loss", "actor_loss" (nan where the actor
was not due), "alpha", "entropy" (nan where it is not known); perhaps lazy."""

State = Any
"""An engine's own learner; opaque to everyone else."""


class Spaces(NamedTuple):
    """What an engine must know of a task: observations [obs_dim], actions [action_dim] in [-1, 1], and the box they
    stand for in the environment, center +- scale in each dimension (empty: [-1, 1] itself)."""

    obs_dim: int
    action_dim: int
    action_scale: tuple[float, ...] = ()
    action_center: tuple[float, ...] = ()


class Step(NamedTuple):
    """The step that follows another in its row, from the observation to which that one led; by field, [..., B] first.

    log_prob: the log density of its action before tanh, by the policy that chose it (0 where nobody asks). goes_on: 1.0
    if it followed in its episode and has been stored; else 0.0, and every other field is 0 too.
    """

    action: Any
    reward: Any
    next_obs: Any
    terminated: Any
    log_prob: Any
    goes_on: Any


class Batch(NamedTuple):
    """Transitions by field; reward and terminated are [..., B].

    reward: before scaling. terminated: the share of the next value that is lost, 1.0 after a terminal and else 0.0; of
    n steps in one (Schedule.n_step) `reward` is their discounted sum and, of m summed, `terminated` is
    1 - discount^(m-1) (1 - terminated), so that scale reward + discount (1 - terminated) V is their target.
    """

    obs: Any
    action: Any
    reward: Any
    next_obs: Any
    terminated: Any
    further: tuple[Step, ...] = ()


def row_width(spaces: Spaces, further: int = 0) -> int:
    """The width of a packed row with so many further steps."""
    return 2 * spaces.obs_dim + spaces.action_dim + 2 + further * (spaces.obs_dim + spaces.action_dim + 4)


def unpack(rows: Any, spaces: Spaces, further: int = 0) -> Batch:
    """The fields of packed rows [..., width], as views; works on arrays of any framework."""
    o, a = spaces.obs_dim, spaces.action_dim

    def step(at: int) -> Step:
        action, next_obs = rows[..., at : at + a], rows[..., at + a + 1 : at + a + 1 + o]
        return Step(action, rows[..., at + a], next_obs, *(rows[..., at + a + 1 + o + i] for i in range(3)))

    return Batch(
        obs=rows[..., :o],
        action=rows[..., o : o + a],
        reward=rows[..., o + a],
        next_obs=rows[..., o + a + 1 : 2 * o + a + 1],
        terminated=rows[..., 2 * o + a + 1],
        further=tuple(step(row_width(spaces, n)) for n in range(further)),
    )


class Origin(NamedTuple):
    """Who asked for a run first: the study, its declaration, and the preset or an ablation's arm. No identity."""

    study: str = ""
    preset: str = ""
    ablation: str = ""  # "" for a plain preset
    arm: str = ""
    declaration: str = ""

    @property
    def variant(self) -> str:
        """The name to show for it."""
        return f"{self.ablation}/{self.arm}" if self.ablation else self.preset


class Job(NamedTuple):
    """What one training process is to do: everything but where its files lie."""

    task: str
    implementation: str
    run_id: str
    spec: Spec
    schedule: Schedule
    evaluate_every: int  # environment steps
    evaluation_episodes: int
    env_steps: int  # the budget
    seeds: tuple[int, ...]
    origin: Origin = Origin()
    beside: tuple[Job, ...] = ()  # in one lockstep: alike but for run_id, origin, seeds, the spec's numbers
    final_episodes: int | None = None  # of the evaluation at the budget, the usual ones among them; None: no more

    @property
    def seats(self) -> tuple[Job, ...]:
        """A job of one seed for each seat of the lockstep, in order."""
        jobs = (self, *self.beside)
        return tuple(job._replace(seeds=(seed,), beside=()) for job in jobs for seed in job.seeds)


class Implementation(Protocol):
    """A native engine: the algorithm of one framework at the level of single updates. A module satisfies it.

    It takes specs of one kind (suite.sac.specs): SacSpec, unless the registry says otherwise.
    """

    FRAMEWORK: str

    def init(self, spec: Any, spaces: Spaces, params: Params) -> State:
        """A learner that starts at `params` (each [S, ...]; what is absent starts at zero), for S seeds.

        An engine registered with `arms` also takes a list of S specs of one `structure`; no other is ever given one.
        """

    def act(self, state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        """Actions [S, N, A] in [-1, 1] at obs [S, N, O]: sampled with noise [S, N, A], or the mean's tanh for None.

        Where spec.act_draws names several draws, the noise is [S, N, draws * A], one behind the other.
        """

    def update(
        self, state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None, act_noise: np.ndarray | None
    ) -> tuple[State, np.ndarray | None, Metrics]:
        """K updates: rows [S, K, B, width], noise [S, K, draws, B, spec.noise_width(A)] (spec.draws names the draws,
        spec.further_steps says how many steps a row has beside its first).

        Given obs [S, N, O], also the updated actor's action there, as `act` would return it. The state passed in is
        spent: use the one returned. The arrays passed in are the caller's again, who fills them anew.
        """

    def log_prob(self, state: State, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The log density [S, N] before tanh (see Retrace) of actions [S, N, A] at obs [S, N, O] by the policy; never
        asked unless spec.weighs_actions, and an engine that takes no such spec may lack it."""

    def explain(self, state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
        """One update (K = 1) that keeps `state`: every loss, target, log-probability and gradient by name, [S, ...]."""

    def get_params(self, state: State) -> Params:
        """The learner as canonical arrays, complete: `set_params` of them continues bit for bit."""

    def set_params(self, state: State, params: Params) -> State:
        """The learner at the given arrays; as for `init`, what is absent starts at zero."""

    def device(self) -> str | None:
        """The accelerator this engine computes on, by name; None for the processor."""


class Loop(Protocol):
    """A package's training loop that has started, on one seed; every `learn` continues it as if it had not stopped."""

    def learn(self, env_steps: int) -> None:
        """Plays and learns for so many further environment steps: exactly, if a multiple of schedule.update_every."""

    def update(self, times: int) -> None:
        """So many updates, one batch of the loop's own replay buffer each, without playing."""

    def fill(self) -> None:
        """Writes to the whole of the replay buffer, which takes the memory that a full one takes."""

    def act(self, obs: np.ndarray, deterministic: bool) -> np.ndarray:
        """Actions [N, A] in [-1, 1] of the current policy at obs [N, O]; training draws the same afterwards."""

    def alpha(self) -> float:
        """The temperature."""

    def updates(self) -> int:
        """Gradient updates done."""

    def networks(self) -> Params:
        """The weights by the package's own names, targets and optimisers apart."""


class Trainer(Protocol):
    """A package that brings its own training loop. A module of implementations/adapters satisfies it.

    Plans ask for `supports`, so importing the module must not import the package.
    """

    FRAMEWORK: str
    PACKAGES: tuple[str, ...]  # the distributions whose versions a record must name

    def supports(self, spec: SacSpec, schedule: Schedule) -> str | None:
        """None if the package can be told to do exactly this, else the reason, in words that continue a sentence."""

    def start(self, job: Job) -> Loop:
        """The package's loop on the job's task and its one seed, before its first environment step."""

    def device(self) -> str | None:
        """The accelerator the package computes on, by name; None for the processor."""


def refusal(trainer: Trainer, spec: SacSpec, schedule: Schedule, evaluate_every: int) -> str | None:
    """Why a package cannot be trained and evaluated so, as one sentence; None if it can."""
    if evaluate_every % schedule.update_every:
        return (
            f"a package stops at multiples of update_every only, so evaluate.every {evaluate_every} must be a multiple "
            f"of {schedule.update_every}"
        )
    return trainer.supports(spec, schedule)

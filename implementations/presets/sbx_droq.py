"""SBX's DroQ, its SAC as its README configures it for HalfCheetah: araffin/sbx@9bdc9c1 (sac.py as in 0.28.0).

Not reproduced: what the preset sbx, whose loop it runs in, does not reproduce.
"""

from implementations.presets import sbx
from suite.sac.cited import cited, preset
from suite.sac.spec import LayerNorm

README = f"{sbx.CODE} README.md"

SPEC, SCHEDULE, PER_TASK, SOURCES = preset(
    sbx,
    actor_reduce=cited("min", f"{sbx.SAC}:336 (its comment: the mean for DroQ)"),
    critic_norm=cited(
        LayerNorm(eps=1e-6), f"{README}:128 with sbx/common/policies.py:147-148 (before the activation; Flax' default)"
    ),
    critic_dropout=cited(
        0.01,
        f"{README}:128 with sbx/common/policies.py:145-146 (before the norm), sbx/sac/sac.py:290,301,333 (always)",
    ),
    actor_every=cited(20, f"{README}:127 with sbx/sac/sac.py:251,451"),
    warmup_steps=cited(10_000, f"{README}:125; {sbx.LOOP}:389"),
    learn_after=cited(10_001, f"{README}:125; {sbx.LOOP}:348 (one step more than learning_starts)"),
    updates_per_burst=cited(20, f"{README}:126"),
)

"""Does it matter whose SAC one takes?"""

from importlib import import_module

from implementations.presets import sac_v2
from suite.sac.ablation import differences, one_factor

ALIKE = ("softlearning", "rlkit", "stable_baselines3", "sbx", "cleanrl", "jaxrl")
OTHERS = ("softlearning_tf1", "haarnoja_sac", "spinningup", "spinningup_tf1", "spinningup_2018", "stable_baselines",
          "stable_baselines_zoo", "jaxrl_curves", "lwdrl", "pranz24", "coach", "tianshou")  # fmt: skip
PRESETS = {name: import_module(f"implementations.presets.{name}") for name in ALIKE + OTHERS}
ABLATION = one_factor(
    "code_base", {"as_is": {}} | {name: differences(sac_v2, one, "HalfCheetah-v5") for name, one in PRESETS.items()},
    question="Do code bases that call themselves SAC learn alike at their own settings?", baseline="sac_v2",
    outcomes=("final_return", "area", "steps_to_threshold", "failures"),
    expected="those that share the second paper's update differ by less than a fifth of what learning gains",
    literature=("every preset, field by field with its source", "docs/references.md: what each has published"),
    directions=dict.fromkeys(ALIKE, "equal"), tasks=("HalfCheetah-v5",), margin=0.2,
)  # fmt: skip

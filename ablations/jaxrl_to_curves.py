"""Which switch on the way from jaxrl to jaxrl_curves moves the curve?"""

from dataclasses import replace

from implementations.presets import jaxrl, jaxrl_curves
from suite.sac.ablation import walk

TOGETHER = (("hidden_init", "critic_output_init"), ("first_update", "warmup_steps"))
WAY = walk("jaxrl", "jaxrl_curves", jaxrl, jaxrl_curves, "HalfCheetah-v5", TOGETHER)  # on every task the same
ABLATION = replace(WAY, question="Which switch on the way from jaxrl to jaxrl_curves moves the curve?", tasks=())

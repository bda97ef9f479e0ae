"""How much must SAC with a learned temperature be tuned?"""

from implementations.presets import sac_v2_small
from suite.sac.sensitivity import one_at_a_time, sensitivity

ABLATION = sensitivity("sac_v2_small", sac_v2_small, one_at_a_time(), variant="learned alpha")

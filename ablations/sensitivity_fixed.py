"""How much must SAC with a fixed temperature be tuned, all else being as with a learned one?"""

from implementations.presets import sac_v2_small
from suite.sac.sensitivity import one_at_a_time, sensitivity
from suite.sac.spec import FixedAlpha

AT = {"temperature": FixedAlpha(value=0.2)}
ABLATION = sensitivity("sac_v2_small", sac_v2_small, one_at_a_time(), variant="fixed alpha", changes=AT)

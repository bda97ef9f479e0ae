"""When may a transition first be sampled?"""

from implementations.presets import softlearning
from suite.sac.ablation import one_factor

ABLATION = one_factor(
    "insert",
    {"at_once": {}, "at_episode_end": {"insert": "episode_end"}},
    question="Does it cost anything that transitions can be sampled only once their episode has ended?",
    baseline="sac_v2",
    outcomes=("final_return", "area"),
    expected="no difference at the end; a little later at first",
    literature=(softlearning.SOURCES["insert"],),
    directions={"at_episode_end": "equal"},
    margin=0.1,
    tags=("codebases",),
)

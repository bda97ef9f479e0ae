"""The instrument: everything of a Soft Actor-Critic experiment that is not the algorithm under study."""

from __future__ import annotations

__version__ = "0.1.0"

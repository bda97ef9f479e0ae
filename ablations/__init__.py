"""The questions: one file each, a single Ablation literal."""

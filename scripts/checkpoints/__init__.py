"""The checkpoints in ``results/``: read, checked, and stood in for where there are none."""

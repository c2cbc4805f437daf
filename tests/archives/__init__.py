"""Building archives from checkpoints."""

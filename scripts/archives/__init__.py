"""From checkpoints to archives in the model store: only what changed, several at a time."""

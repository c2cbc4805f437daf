"""Reading, checking and making checkpoints."""

"""What is read of TorchServe's files: its snapshots and its logs."""

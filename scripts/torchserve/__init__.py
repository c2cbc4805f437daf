"""TorchServe as a process, and what this project asks of its APIs and logs."""

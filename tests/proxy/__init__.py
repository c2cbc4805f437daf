"""The proxy alone, without TorchServe behind it."""

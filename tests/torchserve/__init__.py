"""How TorchServe is started."""

"""The nginx configuration in front of TorchServe, rendered from ``proxy/``."""

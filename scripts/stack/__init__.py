"""TorchServe and the proxy together: start, stop, restore, report."""

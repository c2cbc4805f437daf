"""The modules everything stands on: the catalogue, the settings."""

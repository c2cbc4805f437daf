"""Changing what a running stack serves: by command, by the management API, from other machines."""

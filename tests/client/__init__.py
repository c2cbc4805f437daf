"""The commands and examples that ask the service."""

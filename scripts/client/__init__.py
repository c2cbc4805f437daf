"""A client of the running service for the terminal."""

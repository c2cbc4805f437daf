"""Slow tasks in a few processes of their own."""

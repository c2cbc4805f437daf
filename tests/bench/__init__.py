"""The benchmark's own tools."""

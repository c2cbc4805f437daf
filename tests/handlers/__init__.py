"""What runs inside a worker, by itself."""

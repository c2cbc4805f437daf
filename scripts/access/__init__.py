"""The keys of those who may use the service, and of those who may manage its models."""

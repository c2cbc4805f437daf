"""The keys of those who use and manage the service."""

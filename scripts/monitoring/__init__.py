"""Prometheus's rules of the service's objectives: how fast their error budgets are used up."""

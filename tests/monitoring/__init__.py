"""Metrics, alerts, probes and logs of a real stack with two models, for a real Prometheus."""

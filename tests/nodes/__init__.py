"""Tests of scripts/balancer and proxy/njs/nodes: a balancer before nodes, each a whole stack."""

"""A balancer: the proxy before several nodes, each a whole stack of its own (docs/nodes.md)."""

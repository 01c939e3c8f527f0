"""Cluster: what several gateways tell one another, and what one of them holds for all."""

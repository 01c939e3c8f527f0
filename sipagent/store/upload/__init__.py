"""Bundles in object storage: what waits for its way there, what is there, and reading it."""

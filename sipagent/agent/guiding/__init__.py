"""Guiding: what the mind is told and offered at each turn, and who goes on after it."""

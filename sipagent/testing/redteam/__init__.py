"""A red team: a model that obeys every injected word, functions that lie, and what holds."""

"""Whose turn is it? Pure machines over voice, words, keys and time."""

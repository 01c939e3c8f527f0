"""The talker: turns, ears, mind, mouth, and giving way."""

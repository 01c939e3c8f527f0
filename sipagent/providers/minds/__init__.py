"""Minds: the embedded one, and language models behind one door."""

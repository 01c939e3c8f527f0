"""Calls, transcripts and bundles on disk."""

"""Ears, minds and mouths: one file per vendor or local engine."""

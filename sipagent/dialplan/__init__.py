"""YAML and SWML documents as typed plans, checked with file and line."""

"""Migrations: how a database of any release becomes one of this release, and back."""

"""Natives: the functions a SWML agent has of the server itself."""

"""Calls that meet: the mixer's process, conferences, parking slots and queues."""

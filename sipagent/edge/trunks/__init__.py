"""Trunks at work: registrations, keep-alives, capacity, and whose call is whose."""

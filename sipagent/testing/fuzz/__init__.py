"""Damaged SIP by the hundred thousand: at the front door, and at its parser by coverage."""

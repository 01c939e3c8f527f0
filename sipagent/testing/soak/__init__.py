"""Soak: thousands of SIPp calls that end in every way, and what is left of them."""

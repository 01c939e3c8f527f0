"""Reporting: what others are told of a talk, while it goes on and when it is over."""

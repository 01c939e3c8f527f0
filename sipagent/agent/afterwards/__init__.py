"""Afterwards: what is made of a talk once it is over."""

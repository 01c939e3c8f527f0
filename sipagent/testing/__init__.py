"""Phones, fakes, a virtual clock: for our tests and our users'."""

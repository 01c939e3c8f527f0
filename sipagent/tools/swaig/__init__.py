"""SWAIG: functions that run outside, and the actions they send back."""

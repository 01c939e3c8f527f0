"""What functions have done to a call: one module for each group of actions."""

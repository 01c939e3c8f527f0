"""What functions, and others from outside, change of a talk while it goes on."""

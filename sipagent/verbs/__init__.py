"""What can be done to a call: one verb a class."""

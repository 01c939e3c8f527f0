"""Steps: the order of a talk, kept by us and not by the prompt, and forms filled on the way."""

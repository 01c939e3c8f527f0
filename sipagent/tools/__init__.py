"""What a model may call: plain functions and verbs, with checked arguments."""

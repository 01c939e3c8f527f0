"""The conversation test bed: scripted callers, a simulated stage and a real one, and figures."""

"""Tables of what is done, made from marked tests that passed: docs/*-matrix.md."""

"""Mutation: faults sown into a dialplan, to see whether its scenarios find them."""

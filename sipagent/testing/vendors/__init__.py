"""Local servers that speak vendors' protocols over real sockets, from a script, with faults."""

"""The core nouns of a call: leg, session, verb, control, policy, record."""

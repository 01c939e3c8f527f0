"""Speech of others: one file a vendor or local engine, ears and mouth together."""

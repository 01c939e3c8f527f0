"""The way out to the web: one client for all a call asks, guarded, bounded and on record."""

"""The door itself: which sources may speak, how fast, and who is banned."""

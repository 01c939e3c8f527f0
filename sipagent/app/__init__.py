"""The gateway process: edge, workers and records, wired."""

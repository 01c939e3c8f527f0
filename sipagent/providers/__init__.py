"""Ears, minds and mouths: one file per vendor or local engine."""

import os

# libgomp reads this once, when the voice detector's library is loaded. With more than one thread
# its pool would be lost in a fork and the first inference in the child would hang for ever.
os.environ["OMP_THREAD_LIMIT"] = "1"

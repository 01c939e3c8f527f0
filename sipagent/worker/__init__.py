"""One process per conversation: zygote, supervisor, channel."""

"""The mouth: streamed words to sentences, to sound, to what was heard of it."""

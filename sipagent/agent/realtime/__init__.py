"""A speech-to-speech model as ears, mind and mouth in one: under the same rules as three."""

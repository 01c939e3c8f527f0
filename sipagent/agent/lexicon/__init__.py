"""What a caller's words show: listening, hesitating, dictating, waiting. One file a language."""

"""OpenAI's chat completions, and how its many followers deviate."""

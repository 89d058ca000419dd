"""OpenAI's older completions of a prompt."""

"""OpenAI's realtime sessions: events in both directions."""

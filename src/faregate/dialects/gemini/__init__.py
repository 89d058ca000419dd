"""Gemini's calls to generate, of AI Studio and of Vertex AI."""

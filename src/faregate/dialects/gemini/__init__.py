"""Gemini's generateContent and streamGenerateContent, of AI Studio and Vertex AI."""

"""Anthropic's Messages API, as callers speak it and as vendors do."""

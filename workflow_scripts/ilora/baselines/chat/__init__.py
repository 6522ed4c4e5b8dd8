"""Chat models behind an OpenAI-compatible endpoint: what they are asked, what they answered, and what that cost."""

"""Chat models behind an OpenAI-compatible endpoint: requests, answers and costs."""

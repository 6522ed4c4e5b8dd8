"""Fine-tuning of a language model on hybrid prompts: text, and one behaviour token for every item."""

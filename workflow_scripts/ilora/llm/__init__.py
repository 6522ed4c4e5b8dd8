"""Fine-tuning of a language model on hybrid prompts: text with one behaviour token for each item."""

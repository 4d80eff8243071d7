"""Base models: where they come from, their tokenizer and their chat template."""

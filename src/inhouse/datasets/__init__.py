"""From the clean corpus to training examples and held-out items, split by date."""

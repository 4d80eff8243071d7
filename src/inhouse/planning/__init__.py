"""What to train, how, and what it will cost, decided before it begins."""

"""What speaks for a candidate of a search, by name, how much it counts, and how that is said."""

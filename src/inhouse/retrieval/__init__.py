"""The code index: chunks of files, a query that understands code, and context under an exact budget."""

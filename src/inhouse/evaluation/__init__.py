"""Did it help on this code, and what did it break? The arms compared on code written after the cut."""

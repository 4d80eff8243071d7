"""Pages for people: self-contained HTML, readable on a phone and on paper."""

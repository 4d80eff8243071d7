"""What runs inside the sandbox for `checks`. Standard library only, and pytest where it is asked for.

Every run pays for what is imported here, so `typing` and other slow modules stay out (PEP 781 describes the
constant TYPE_CHECKING that replaces its namesake).
"""

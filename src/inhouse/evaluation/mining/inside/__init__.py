"""Programs that run inside of the sandbox, with whatever Python the project has: standard library only.

They are read as text and laid beside the project's files; nothing of inhouse imports them to use them.
"""

"""Where material comes from: git repositories, read without trusting them.

    paths      file names of any bytes as printable text
    process    git as a subprocess that runs nothing the repository asks for
    diff       the output of git diff-tree as changes
    git        a repository: commits, changes, trees, contents
    history    the history stage: what the other stages read instead of the repository

Only ids, places and line numbers are written down here. Contents and messages may hold secrets: they are
streamed to hygiene and never stored.
"""

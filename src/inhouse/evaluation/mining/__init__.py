"""Tasks that are mined from a repository's own history, each proved in the sandbox before it is asked.

    history + corpus -> places (functions new since the cut) -> tests that run them -> verified tasks
                     -> commits with tests                   -> failed before, pass after

`mine.write_mined` makes the artefact, `verify.check` judges an answer with the code that verified the task.
"""

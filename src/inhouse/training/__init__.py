"""Training: packed rows, a low-rank adapter through TRL and PEFT, checkpoints that survive a kill."""

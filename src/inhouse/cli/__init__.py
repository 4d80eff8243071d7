"""The command line: one module per verb, its body parse, call, print."""

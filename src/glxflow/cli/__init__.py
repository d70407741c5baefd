"""The command line, one module a sub-command; the only place where stages meet."""

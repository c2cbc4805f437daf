"""Commands that build the archives and run the stack; each module with a ``main`` is one command."""

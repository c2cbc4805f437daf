"""The model store: the archives, what is known of each, and which of them may be served."""

"""Starting, stopping, showing and restoring the stack."""

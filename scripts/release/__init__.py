"""A new version of the project: its number, its section of the changelog, its commit and its tag."""

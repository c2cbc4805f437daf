"""The release of a new version, in git repositories of its own."""

"""Archives on their way: pushed to an OCI registry, S3 or a folder, pulled into the model store of another host."""

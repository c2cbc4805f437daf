"""Archives on their way: pushed to an OCI registry or S3, pulled into the model store of another host."""

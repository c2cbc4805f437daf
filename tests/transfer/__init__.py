"""Archives that are pushed to and pulled from a real registry and a real S3 server."""

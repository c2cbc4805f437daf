"""The model store: archives, checksums, what is unpacked."""

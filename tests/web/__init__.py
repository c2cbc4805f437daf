"""The demonstration page, the documentation and the clients, in a real browser against the real stack."""

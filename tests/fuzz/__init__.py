"""Made-up inputs for what reads files and forms of others: ``python -m tests.fuzz`` (docs/testing.md)."""

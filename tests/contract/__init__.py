"""The whole contract against the real stack: clients see nothing else, and neither do these tests."""

"""Which changes of one line no test notices: ``make mutants`` (docs/testing.md)."""

"""The documentation as a site, made of the same Markdown files."""

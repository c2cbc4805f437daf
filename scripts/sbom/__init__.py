"""Bills of materials in CycloneDX: what is installed, and what each archive is made of."""

"""What tests share: stacks, sites, clients, waiting, assertions."""

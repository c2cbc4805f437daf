"""An hour of mixed load with bad pictures, kills and upgrades: what it costs in memory, descriptors and answers."""

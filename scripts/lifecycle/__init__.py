"""Change what a running stack serves: register, scale, upgrade, roll back."""

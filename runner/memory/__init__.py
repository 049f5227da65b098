"""What can be known about the life from its own words: mood, drift and mirror. Pure functions on texts and numbers."""

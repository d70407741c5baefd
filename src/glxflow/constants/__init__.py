"""Physical constants as cited data."""

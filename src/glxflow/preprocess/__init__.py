"""From raw coils and transients to clean, aligned spectra."""

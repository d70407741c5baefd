"""The digital trial: spectra and scores whose truth is known."""

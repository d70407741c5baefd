"""Linear-combination modelling of a spectrum."""

"""From amplitudes to ratios and concentrations, with their covariance."""

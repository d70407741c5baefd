"""Figures of merit and the limits a spectrum is held to."""

"""Figures of merit of a spectrum and the rules that judge them."""

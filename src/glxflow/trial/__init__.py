"""The statistical analysis of a trial; knows tables, never spectra."""

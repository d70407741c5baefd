"""From MR spectra and clinical scores to a trial's answer about glutamate."""

__version__ = "0.1.0"

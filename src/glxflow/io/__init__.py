"""Files in and out: NIfTI-MRS, BIDS, basis sets, tables."""

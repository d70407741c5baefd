"""Pages for readers: pure functions from records and tables to one self-contained HTML text."""

"""Pages for people: one a scan, one a study."""

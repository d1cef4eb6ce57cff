"""The figures of a report, a file per subject. Each function takes arrays and returns a figure."""

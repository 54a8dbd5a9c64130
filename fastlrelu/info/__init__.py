"""``fastlrelu info``: the configuration, a proof of equality and a table of times, with NumPy alone."""

"""Loads the plugin that chooses and times the cells."""

pytest_plugins = ["fastlrelu.bench.plugin"]

"""``fastlrelu bench``: the benchmark suite and its report, with the packages of the extra ``bench``."""

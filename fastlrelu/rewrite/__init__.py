"""``fastlrelu rewrite``: finds hand-written leaky ReLUs, ELUs and GELUs in Python source and replaces them.

Needs the extra ``fastlrelu[rewrite]``.
"""

"""``fastlrelu rewrite``: finds hand-written leaky ReLUs in Python source and replaces them.

Needs the extra ``fastlrelu[rewrite]``.
"""

"""How many threads a call may use, whether it uses them, and the parallel region that they share."""

from . import idle

# The first module that is linked with OpenMP.
with idle.short_waits():
    from . import region as region

# NumPy's type number of each dtype, for the direct calls.

from ..dispatch.loops cimport FL_DTYPES

cdef int type_numbers[FL_DTYPES]

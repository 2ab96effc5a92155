cpdef list find_members(bytes data, tuple names, Py_ssize_t limit=*)
cpdef bytes remove_members(bytes data, list spans)

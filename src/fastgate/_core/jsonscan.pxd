cpdef list find_members(bytes data, tuple names)
cpdef bytes remove_members(bytes data, list spans)

from libc.stdint cimport int64_t


cdef extern from "atomics.h" nogil:
    int64_t fg_load(int64_t *word) noexcept
    void fg_store(int64_t *word, int64_t value) noexcept
    int64_t fg_add(int64_t *word, int64_t delta) noexcept
    bint fg_compare_exchange(int64_t *word, int64_t expected, int64_t desired) noexcept
    int64_t fg_load_relaxed(int64_t *word) noexcept
    void fg_store_relaxed(int64_t *word, int64_t value) noexcept
    void fg_store_release(int64_t *word, int64_t value) noexcept
    void fg_fence_acquire() noexcept
    void fg_bump(int64_t *word, int64_t delta) noexcept
    void fg_put_bytes(int64_t *words, const char *data, size_t length) noexcept
    void fg_get_bytes(int64_t *words, char *data, size_t length) noexcept
    void fg_seqlock_write(int64_t *line, const int64_t *payload, int words) noexcept
    bint fg_seqlock_read(int64_t *line, int64_t *payload, int words) noexcept

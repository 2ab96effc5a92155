/* C11 atomics on words of a shared mapping.
 *
 * The words are plain int64_t in a mapped file; C11 gives _Atomic int64_t the same size and alignment
 * where it is lock-free, and only there may processes share it, hence the assertions.
 */
#ifndef FASTGATE_ATOMICS_H
#define FASTGATE_ATOMICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free to be shared by processes");
_Static_assert(sizeof(_Atomic int64_t) == sizeof(int64_t), "an atomic word must be a plain word");
_Static_assert(_Alignof(_Atomic int64_t) == 8, "words are aligned to 8 bytes");

static inline _Atomic int64_t *fg_word(int64_t *word) { return (_Atomic int64_t *)(void *)word; }

static inline int64_t fg_load(int64_t *word) { return atomic_load(fg_word(word)); }

static inline void fg_store(int64_t *word, int64_t value) { atomic_store(fg_word(word), value); }

/* Returns the new value; wraps, as unsigned arithmetic does. */
static inline int64_t fg_add(int64_t *word, int64_t delta) {
    return (int64_t)((uint64_t)atomic_fetch_add(fg_word(word), delta) + (uint64_t)delta);
}

static inline bool fg_compare_exchange(int64_t *word, int64_t expected, int64_t desired) {
    return atomic_compare_exchange_strong(fg_word(word), &expected, desired);
}

static inline int64_t fg_load_relaxed(int64_t *word) {
    return atomic_load_explicit(fg_word(word), memory_order_relaxed);
}

static inline void fg_store_relaxed(int64_t *word, int64_t value) {
    atomic_store_explicit(fg_word(word), value, memory_order_relaxed);
}

/* What was stored before is seen by whoever sees this. */
static inline void fg_store_release(int64_t *word, int64_t value) {
    atomic_store_explicit(fg_word(word), value, memory_order_release);
}

static inline void fg_fence_acquire(void) { atomic_thread_fence(memory_order_acquire); }

/* For a word with a single writer: no bus lock, and readers still never see half a value. */
static inline void fg_bump(int64_t *word, int64_t delta) {
    fg_store_relaxed(word, (int64_t)((uint64_t)fg_load_relaxed(word) + (uint64_t)delta));
}

/* Bytes into words and back, the last word padded with zeros. Readers at the same time may see some words of
 * what was there before.
 */
static inline void fg_put_bytes(int64_t *words, const char *bytes, size_t length) {
    for (size_t at = 0; at < length; at += sizeof(int64_t)) {
        int64_t word = 0;
        memcpy(&word, bytes + at, length - at < sizeof(word) ? length - at : sizeof(word));
        fg_store_relaxed(words + at / sizeof(word), word);
    }
}

static inline void fg_get_bytes(int64_t *words, char *bytes, size_t length) {
    for (size_t at = 0; at < length; at += sizeof(int64_t)) {
        int64_t word = fg_load_relaxed(words + at / sizeof(word));
        memcpy(bytes + at, &word, length - at < sizeof(word) ? length - at : sizeof(word));
    }
}

/* A seqlock line: word 0 is the sequence (odd while it is being written), the rest is the payload.
 * A writer that died half-way leaves it odd; the next one starts from there.
 */
static inline void fg_seqlock_write(int64_t *line, const int64_t *payload, int words) {
    int64_t writing = fg_load_relaxed(line) | 1;
    fg_store_relaxed(line, writing);
    atomic_thread_fence(memory_order_release);
    for (int i = 0; i < words; i++)
        fg_store_relaxed(line + 1 + i, payload[i]);
    atomic_store_explicit(fg_word(line), (int64_t)((uint64_t)writing + 1), memory_order_release);
}

/* False if a writer was at work in the meantime: the payload is then to be thrown away. */
static inline bool fg_seqlock_read(int64_t *line, int64_t *payload, int words) {
    int64_t before = atomic_load_explicit(fg_word(line), memory_order_acquire);
    for (int i = 0; i < words; i++)
        payload[i] = fg_load_relaxed(line + 1 + i);
    atomic_thread_fence(memory_order_acquire);
    return (before & 1) == 0 && fg_load_relaxed(line) == before;
}

#endif

/* The generic cell rate algorithm, exact in integers: nothing is rounded but what is stored.
 *
 * A cell is the "theoretical arrival time": when all that was taken will have been refilled, in nanoseconds of
 * the monotonic clock. The rate is `amount` in `period` nanoseconds, `burst` what can be taken at once. All
 * arguments are at least 0 and below 2**62, units below 2**63; the amount and the period at least 1.
 */
#ifndef FASTGATE_GCRA_H
#define FASTGATE_GCRA_H

#include <stdint.h>

#define FG_MAX_NS (INT64_C(1) << 62)

typedef unsigned __int128 fg_wide;

/* How long `units` take to refill, rounded up or down; at most FG_MAX_NS. */
static inline int64_t fg_refill_ns_up(int64_t units, int64_t amount, int64_t period) {
    fg_wide ns = ((fg_wide)(uint64_t)units * (uint64_t)period + (uint64_t)amount - 1) / (uint64_t)amount;
    return ns < FG_MAX_NS ? (int64_t)ns : FG_MAX_NS;
}

static inline int64_t fg_refill_ns_down(int64_t units, int64_t amount, int64_t period) {
    fg_wide ns = (fg_wide)(uint64_t)units * (uint64_t)period / (uint64_t)amount;
    return ns < FG_MAX_NS ? (int64_t)ns : FG_MAX_NS;
}

/* How long until all is refilled; at most FG_MAX_NS, also of a damaged cell. */
static inline int64_t fg_debt_ns(int64_t cell, int64_t now) {
    if (cell <= now)
        return 0;
    return cell - now < FG_MAX_NS ? cell - now : FG_MAX_NS;
}

/* What fits. The debt may be less by what was rounded up, which is less than a nanosecond. */
static inline int64_t fg_units(int64_t debt, int64_t amount, int64_t period, int64_t burst) {
    fg_wide full = (fg_wide)(uint64_t)burst * (uint64_t)period;
    fg_wide taken = debt > 0 ? (fg_wide)(uint64_t)(debt - 1) * (uint64_t)amount + 1 : 0;
    return taken < full ? (int64_t)((full - taken) / (uint64_t)period) : 0;
}

#endif

/* stamp.h -- the mark that requests read in this turn carry: how old they may be.
 *
 * A request that is read now may have come any time after its socket was last seen empty, which was in
 * the turn before. So it gets the journal length at the start of *that* turn: never one that counts a
 * record decided after the request had come, whatever the node did meanwhile, a pause included.
 */
#ifndef NODE_STAMP_H
#define NODE_STAMP_H

#include <stdint.h>

struct stamp {
    uint64_t length_last_turn;
};

/* Begins with a length that the journal had before any socket was open. */
static inline struct stamp stamp_begin(uint64_t length)
{
    return (struct stamp){length};
}

/* At the start of each turn, before sockets are read: the mark of this turn. `length` is the journal's
 * now. */
static inline uint64_t stamp_turn(struct stamp *stamp, uint64_t length)
{
    uint64_t mark = stamp->length_last_turn;
    stamp->length_last_turn = length;
    return mark;
}

#endif

// Threads that share the operations of one inference.
//
// Every operation is cut into parts, of which the caller and the helpers each do their own, always the same, and then what
// the others have not begun, so that a thread which the scheduler has put aside holds up at most one part. Whoever waits, for a run or for the last part of
// an operation, spins briefly and then sleeps in the kernel. A run allocates nothing and takes no lock.
#ifndef CK_TEAM_H
#define CK_TEAM_H

#include <stdint.h>

typedef struct ck_team ck_team;

// Does part `part` of `parts` of an operation.
typedef void (*ck_team_body)(const void *context, int32_t operation, int32_t part, int32_t parts);

// A team of the caller and `threads - 1` helpers, for runs of at most `capacity` operations. NULL when the system has no
// more memory or threads.
ck_team *ck_team_create(int32_t threads, int32_t capacity);

// Waits for the helpers to end. No run may be going on.
void ck_team_destroy(ck_team *team);

// Cuts an operation of the next run into 1 to 65535 parts.
void ck_team_cut(ck_team *team, int32_t operation, int32_t parts);

// Runs the operations 0 ..< count, each of which was cut, in order; the parts of one run in any order. One run at a time.
void ck_team_run(ck_team *team, int32_t count, ck_team_body body, const void *context);

#endif

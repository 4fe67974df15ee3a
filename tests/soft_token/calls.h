/* Around every call: the log, and the faults that were asked for. */
#ifndef SOFT_TOKEN_CALLS_H
#define SOFT_TOKEN_CALLS_H

#include "skf.h"
#include "state.h"

enum FaultKind { FAULT_NONE, FAULT_RETURN, FAULT_PULL, FAULT_HANG, FAULT_CRASH, FAULT_DELAY };

typedef struct {
    const char *name;
    int proceeds; /* whether the function is to do its work */
    int locked;
    int after; /* whether the fault comes after the work */
    enum FaultKind fault;
    ULONG code;      /* for FAULT_RETURN; milliseconds for FAULT_DELAY */
    char device[LONGEST_NAME + 1]; /* for FAULT_PULL; empty: all */
} Call;

Call call_begin(const char *name);
ULONG call_end(Call *call, ULONG answer);

/* The body of every public function: `work` is what it does if nothing else was asked for. */
#define ANSWER(work)                                                                                                   \
    do {                                                                                                               \
        Call call = call_begin(__func__);                                                                              \
        return call_end(&call, call.proceeds ? (work) : call.code);                                                    \
    } while (0)

/* Hand out `length` bytes by the two-call convention: without a buffer the length alone. */
ULONG give(const void *data, size_t length, void *buffer, ULONG *size);

#endif

/* A PIN's tries. */
#ifndef SOFT_TOKEN_PINS_H
#define SOFT_TOKEN_PINS_H

#include "handles.h"

/* Give a PIN a value of 6 to 16 bytes and all its tries. */
ULONG pin_set(Pin *pin, const char *value, ULONG tries, ULONG is_default);

#endif

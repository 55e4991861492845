/*
 * fault/scenario: scenarios that stand in files of their own; what is asked of them stands in
 *                 fault.c.
 *
 * Layer   test.
 * Owner   one thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_FAULT_SCENARIO_H
#define GW_FAULT_SCENARIO_H

/* Does it once more if memory was out. */
#define AGAIN(status, call)                                                                        \
    do                                                                                             \
        (status) = (call);                                                                         \
    while ((status) == GW_NO_MEMORY)

void scenario_store(void);

#endif

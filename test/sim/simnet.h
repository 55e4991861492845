/*
 * sim/simnet: a network and a clock inside one thread: what brokers see as gw_sockets and gw_clock.
 *
 * Layer   test. Everything random comes from one generator, so a seed repeats a run exactly.
 * Owner   the simulation.
 * Life    new/free.
 * Limits  SIMNET_PIPE_MAX bytes on their way in one direction: a writer beyond it has to wait.
 *
 * Bytes written become visible to the reader some steps later, in pieces of any size. A link can be
 * cut: what was not visible is lost, both ends learn it when they look.
 */
#ifndef GW_SIM_SIMNET_H
#define GW_SIM_SIMNET_H

#include "base/random.h"
#include "os/clock.h"
#include "os/socket.h"

#define SIMNET_PIPE_MAX ((size_t)32 * 1024)

struct simnet;

/* random NULL: bytes arrive at the next step, whole. */
struct simnet *simnet_new(struct gw_random *random);
void simnet_free(struct simnet *net);

const struct gw_sockets *simnet_sockets(struct simnet *net);
const struct gw_clock *simnet_clock(struct simnet *net);
gw_mono_ns simnet_now(const struct simnet *net);
/* Lets time pass. */
void simnet_advance(struct simnet *net, uint64_t time);
/* Lets some of the bytes on their way arrive. */
void simnet_step(struct simnet *net);

/* Calls fn before each read and write of a broker, in the middle of a loop's turn: whatever other
 * threads may do meanwhile can happen there. NULL: not any more. */
void simnet_watch(struct simnet *net, void (*fn)(void *user), void *user);

/* -- the clients' ends -- */

/* Connects to the (only) listener; returns the client's end. */
int simnet_connect(struct simnet *net);
/* Writes; returns how much was taken. */
size_t simnet_write(struct simnet *net, int end, const void *bytes, size_t size);
/* Reads what has arrived; *ret_ended: nothing more will come. */
size_t simnet_read(struct simnet *net, int end, void *memory, size_t size, bool *ret_ended);
/* Closes in order: what was written still arrives. */
void simnet_finish(struct simnet *net, int end);
/* Cuts the link. */
void simnet_cut(struct simnet *net, int end);
/* The brokers' process is gone: part of what they wrote still arrives, then every link is cut. */
void simnet_reset(struct simnet *net);
/* Links that are not closed at both ends. */
size_t simnet_open_count(const struct simnet *net);

#endif

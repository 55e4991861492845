#include "bench/drill.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "os/clock.h"

#define TICK       (100 * GW_NS_PER_MS)
#define TURN_SENDS 512u /* messages meant to have gone that are sent in one turn */
#define NAME_MAX   80u

/* What it knows of a publisher beside the player. */
struct source {
    uint32_t undelivered; /* of a closed loop: deliveries that are still to come */
    bool held;            /* could not send when its time had come: it sends when there is room */
};

struct gw_drill {
    const struct gw_drill_plan *plan;
    struct gw_drill_result result;
    struct gw_loop *loop;
    struct gw_timer tick;
    struct gw_player *players; /* publishers first, then subscribers */
    struct source *sources;
    gw_mono_ns *opened_at;
    struct gw_witness *witnesses;
    uint32_t player_count, witness_count;
    uint32_t fan;
    enum gw_drill_phase phase;
    uint32_t opened, connecting, ready, ended;
    uint64_t planned; /* messages whose time has come, in an open loop */
    gw_mono_ns began, ready_at, start, measure_at, stop_at, phase_began, moved_at;
    bool measuring;
    bool stopped;
    gw_drill_progress_fn *progress;
    void *user;
};

static const struct gw_drill_plan *plan_of(const struct gw_drill *drill)
{
    return drill->plan;
}

uint32_t gw_drill_fan(const struct gw_drill_plan *plan)
{
    switch (plan->scene) {
    case GW_DRILL_PAIRS:
    case GW_DRILL_SHARED: return 1;
    case GW_DRILL_FAN: return plan->subscribers;
    default: return 0;
    }
}

static bool publishes(const struct gw_drill *drill, const struct gw_player *player)
{
    return player->index < plan_of(drill)->publishers;
}

/* -- sending -- */

/* When the message of this number is meant to go. */
static gw_mono_ns time_of(const struct gw_drill *drill, uint64_t number)
{
    return drill->start +
           (gw_mono_ns)((double)number * ((double)GW_NS_PER_S / plan_of(drill)->rate));
}

static bool is_enough(const struct gw_drill *drill)
{
    return plan_of(drill)->count > 0 && drill->result.sent >= plan_of(drill)->count;
}

static bool send_one(struct gw_drill *drill, uint32_t publisher, gw_mono_ns at)
{
    if (!gw_player_publish(&drill->players[publisher], at))
        return false;
    drill->result.sent++;
    drill->result.measured_sent += drill->measuring;
    drill->sources[publisher].undelivered += drill->fan;
    return true;
}

/* Sends what a publisher is late with; its messages are every n-th of all. */
static void catch_up(struct gw_drill *drill, uint32_t publisher)
{
    uint32_t step = plan_of(drill)->publishers;
    struct source *source = &drill->sources[publisher];
    source->held = false;
    for (;;) {
        uint64_t number = (uint64_t)drill->players[publisher].counter * step + publisher;
        if (number >= drill->planned || is_enough(drill))
            return;
        if (!send_one(drill, publisher, time_of(drill, number))) {
            source->held = true;
            return;
        }
    }
}

static void send_due(struct gw_drill *drill, gw_mono_ns now)
{
    for (unsigned i = 0; i < TURN_SENDS && time_of(drill, drill->planned) <= now; i++) {
        uint32_t publisher = (uint32_t)(drill->planned % plan_of(drill)->publishers);
        drill->planned++;
        if (!drill->sources[publisher].held)
            catch_up(drill, publisher);
    }
}

/* Closed loop: as many as the window allows. */
static void refill(struct gw_drill *drill, uint32_t publisher, gw_mono_ns now)
{
    const struct gw_drill_plan *plan = plan_of(drill);
    const struct gw_player *player = &drill->players[publisher];
    struct source *source = &drill->sources[publisher];
    while (player->in_flight < plan->window && !is_enough(drill) &&
           (uint64_t)source->undelivered + drill->fan <= (uint64_t)plan->window * drill->fan &&
           send_one(drill, publisher, now))
        ;
}

static void go_on(struct gw_drill *drill, uint32_t publisher, gw_mono_ns now)
{
    if (drill->phase != GW_DRILL_RUNNING)
        return;
    if (plan_of(drill)->rate > 0)
        catch_up(drill, publisher);
    else
        refill(drill, publisher, now);
}

/* -- phases -- */

static void enter(struct gw_drill *drill, enum gw_drill_phase phase, gw_mono_ns now)
{
    drill->phase = phase;
    drill->phase_began = now;
    drill->moved_at = now;
}

static void take_usage(struct gw_drill *drill, struct gw_usage *ret_own,
                       struct gw_usage *ret_broker, uint64_t *ret_memory)
{
    gw_usage_own(ret_own);
    *ret_broker = (struct gw_usage){0, 0};
    if (plan_of(drill)->pid > 0 &&
        gw_usage_of(plan_of(drill)->pid, ret_broker, ret_memory) != GW_OK)
        *ret_memory = 0;
}

static void begin_measuring(struct gw_drill *drill, gw_mono_ns now)
{
    drill->measuring = true;
    drill->measure_at = now;
    take_usage(drill, &drill->result.own, &drill->result.broker,
               &drill->result.broker_memory_before);
}

static void end_measuring(struct gw_drill *drill, gw_mono_ns now)
{
    struct gw_drill_result *result = &drill->result;
    struct gw_usage own, broker;
    take_usage(drill, &own, &broker, &result->broker_memory_after);
    if (!drill->measuring)
        begin_measuring(drill, now);
    result->own =
        (struct gw_usage){own.user_ns - result->own.user_ns, own.system_ns - result->own.system_ns};
    result->broker = (struct gw_usage){broker.user_ns - result->broker.user_ns,
                                       broker.system_ns - result->broker.system_ns};
    result->measured = now - drill->measure_at;
    drill->measuring = false;
}

static void leave(struct gw_drill *drill, gw_mono_ns now);

static void begin_running(struct gw_drill *drill, gw_mono_ns now)
{
    const struct gw_drill_plan *plan = plan_of(drill);
    drill->result.connect_time = now - drill->began;
    if (plan->publishers == 0) {
        leave(drill, now);
        return;
    }
    drill->start = now;
    drill->stop_at = now + plan->duration;
    enter(drill, GW_DRILL_RUNNING, now);
    if (plan->warm_up == 0)
        begin_measuring(drill, now);
    if (plan->rate == 0)
        for (uint32_t i = 0; i < plan->publishers; i++)
            refill(drill, i, now);
}

static void leave(struct gw_drill *drill, gw_mono_ns now)
{
    enter(drill, GW_DRILL_LEAVING, now);
    for (uint32_t i = 0; i < drill->opened; i++)
        gw_player_close(&drill->players[i]);
    if (drill->ended == drill->opened)
        gw_loop_stop(drill->loop);
}

static uint64_t in_flight(const struct gw_drill *drill)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < plan_of(drill)->publishers; i++)
        count += drill->players[i].in_flight;
    return count;
}

static uint64_t received(const struct gw_drill *drill)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < drill->witness_count; i++)
        count += drill->witnesses[i].received;
    return count;
}

static bool is_all_there(const struct gw_drill *drill)
{
    return received(drill) == drill->result.sent * drill->fan && in_flight(drill) == 0;
}

/* -- what players tell -- */

static void open_more(struct gw_drill *drill, gw_mono_ns now);

static void on_ready(struct gw_player *player, gw_mono_ns now)
{
    struct gw_drill *drill = player->user;
    gw_histogram_record(&drill->result.connects, now - drill->opened_at[player->index]);
    drill->connecting--;
    drill->ready++;
    drill->moved_at = now;
    drill->result.connected = drill->ready;
    if (drill->phase != GW_DRILL_CONNECTING)
        return;
    if (drill->ready == drill->player_count)
        begin_running(drill, now);
}

static struct gw_witness *witness_of(struct gw_drill *drill, const struct gw_player *player)
{
    uint32_t index = player->index - plan_of(drill)->publishers;
    return &drill->witnesses[drill->witness_count == 1 ? 0 : index];
}

static void on_message(struct gw_player *player, const struct gw_witness_mark *mark, gw_mono_ns now)
{
    struct gw_drill *drill = player->user;
    if (publishes(drill, player) || !gw_witness_see(witness_of(drill, player), mark))
        return;
    gw_mono_ns clock = gw_clock_mono(gw_loop_clock(drill->loop)); /* not that of the turn */
    drill->moved_at = now;
    if (drill->measuring && mark->at >= drill->measure_at) {
        drill->result.measured_received++;
        gw_histogram_record(&drill->result.latencies, clock > mark->at ? clock - mark->at : 0);
    }
    drill->sources[mark->publisher].undelivered--;
    if (plan_of(drill)->rate == 0)
        go_on(drill, mark->publisher, clock);
}

static void on_acknowledged(struct gw_player *player, gw_mono_ns at, gw_mono_ns now)
{
    struct gw_drill *drill = player->user;
    gw_mono_ns clock = gw_clock_mono(gw_loop_clock(drill->loop));
    drill->moved_at = now;
    if (drill->fan == 0 && drill->measuring && at >= drill->measure_at) {
        drill->result.measured_received++;
        gw_histogram_record(&drill->result.latencies, clock > at ? clock - at : 0);
    }
    if (plan_of(drill)->rate == 0)
        go_on(drill, player->index, clock);
}

static void on_room(struct gw_player *player, gw_mono_ns now)
{
    struct gw_drill *drill = player->user;
    if (publishes(drill, player))
        go_on(drill, player->index, now);
}

static void note_trouble(struct gw_drill *drill, const struct gw_player *player)
{
    if (drill->result.trouble[0] == '\0')
        snprintf(drill->result.trouble, sizeof drill->result.trouble, "client %u: %s",
                 player->index, player->trouble);
}

static void on_end(struct gw_player *player, gw_mono_ns now)
{
    struct gw_drill *drill = player->user;
    drill->ended++;
    if (drill->phase < GW_DRILL_LEAVING) {
        note_trouble(drill, player);
        drill->result.lost_connections += drill->phase > GW_DRILL_CONNECTING;
        if (drill->phase == GW_DRILL_RUNNING)
            end_measuring(drill, now);
        leave(drill, now);
    } else if (drill->ended == drill->opened) {
        gw_loop_stop(drill->loop);
    }
}

static const struct gw_player_events player_events = {on_ready, on_message, on_acknowledged,
                                                      on_room, on_end};

/* -- the turns of the loop -- */

static void open_one(struct gw_drill *drill)
{
    struct gw_player *player = &drill->players[drill->opened];
    char id[NAME_MAX];
    snprintf(id, sizeof id, "%s-%u", plan_of(drill)->prefix, player->index);
    drill->opened_at[player->index] = gw_clock_mono(gw_loop_clock(drill->loop));
    if (gw_player_open(player, drill->loop, id) != GW_OK) {
        note_trouble(drill, player);
        return;
    }
    drill->opened++;
    drill->connecting++;
}

static void open_more(struct gw_drill *drill, gw_mono_ns now)
{
    while (drill->phase == GW_DRILL_CONNECTING && drill->opened < drill->player_count &&
           drill->connecting < plan_of(drill)->connecting && drill->result.trouble[0] == '\0')
        open_one(drill);
    if (drill->phase == GW_DRILL_CONNECTING && drill->result.trouble[0] != '\0')
        leave(drill, now);
}

static void before_flush(void *user, gw_mono_ns now)
{
    struct gw_drill *drill = user;
    open_more(drill, now);
    if (drill->phase == GW_DRILL_RUNNING && plan_of(drill)->rate > 0)
        send_due(drill, now);
}

/* When the next message is due, unless sooner something happens. */
static gw_mono_ns next_send(void *user)
{
    const struct gw_drill *drill = user;
    bool paced = drill->phase == GW_DRILL_RUNNING && plan_of(drill)->rate > 0;
    return paced ? time_of(drill, drill->planned) : GW_NEVER;
}

static void tell(struct gw_drill *drill, gw_mono_ns now)
{
    const struct gw_drill_progress progress = {
        .phase = drill->phase,
        .elapsed = now - drill->phase_began,
        .total = plan_of(drill)->duration,
        .connected = drill->ready,
        .clients = drill->player_count,
        .result = &drill->result,
    };
    if (drill->progress && !drill->progress(drill->user, &progress))
        drill->stopped = true;
}

static void on_tick(struct gw_timer *timer, gw_mono_ns now)
{
    struct gw_drill *drill = GW_CONTAINER(timer, struct gw_drill, tick);
    const struct gw_drill_plan *plan = plan_of(drill);
    bool stopped = drill->stopped;
    bool patient = now - drill->moved_at < plan->patience;
    gw_wheel_arm(gw_loop_wheel(drill->loop), timer, now + TICK);
    if (drill->phase == GW_DRILL_CONNECTING && (stopped || !patient)) {
        if (!stopped)
            snprintf(drill->result.trouble, sizeof drill->result.trouble,
                     "%u of %u clients were connected, then nothing came any more", drill->ready,
                     drill->player_count);
        leave(drill, now);
    } else if (drill->phase == GW_DRILL_RUNNING) {
        if (!drill->measuring && now - drill->start >= plan->warm_up && now < drill->stop_at)
            begin_measuring(drill, now);
        drill->result.stalled = !patient;
        if (stopped || now >= drill->stop_at || is_enough(drill) || drill->result.stalled) {
            end_measuring(drill, now);
            enter(drill, GW_DRILL_DRAINING, now);
        }
    } else if (drill->phase == GW_DRILL_DRAINING && (is_all_there(drill) || !patient)) {
        leave(drill, now);
    } else if (drill->phase == GW_DRILL_LEAVING && !patient) {
        gw_loop_stop(drill->loop);
    }
    tell(drill, now);
}

/* -- life -- */

static enum gw_status make_player(struct gw_drill *drill, uint32_t index)
{
    const struct gw_drill_plan *plan = plan_of(drill);
    char topic[NAME_MAX], filter[NAME_MAX];
    bool publisher = index < plan->publishers;
    bool subscriber = !publisher && plan->subscribers > 0;
    uint32_t pair = index - plan->publishers;
    snprintf(topic, sizeof topic, "%s/%u", plan->prefix, index);
    if (plan->scene == GW_DRILL_PAIRS)
        snprintf(filter, sizeof filter, "%s/%u", plan->prefix, pair);
    else if (plan->scene == GW_DRILL_SHARED)
        snprintf(filter, sizeof filter, "$share/bench/%s/+", plan->prefix);
    else
        snprintf(filter, sizeof filter, "%s/+", plan->prefix);
    GW_TRY(gw_player_init(&drill->players[index], &plan->player, index, publisher ? topic : NULL,
                          subscriber ? filter : NULL));
    drill->players[index].events = &player_events;
    drill->players[index].user = drill;
    return GW_OK;
}

static enum gw_status make_witnesses(struct gw_drill *drill)
{
    const struct gw_drill_plan *plan = plan_of(drill);
    bool pairs = plan->scene == GW_DRILL_PAIRS;
    drill->witness_count = plan->scene == GW_DRILL_SHARED ? 1 : plan->subscribers;
    drill->witnesses = calloc(drill->witness_count + 1, sizeof *drill->witnesses);
    if (!drill->witnesses)
        return GW_NO_MEMORY;
    for (uint32_t i = 0; i < drill->witness_count; i++)
        GW_TRY(gw_witness_init(&drill->witnesses[i], pairs ? i : 0, pairs ? 1 : plan->publishers));
    return GW_OK;
}

static enum gw_status make_all(struct gw_drill *drill)
{
    const struct gw_drill_plan *plan = plan_of(drill);
    drill->player_count =
        plan->scene == GW_DRILL_CONNECT ? plan->clients : plan->publishers + plan->subscribers;
    GW_ASSERT(drill->player_count > 0 && drill->player_count <= GW_DRILL_CLIENTS_MAX);
    drill->players = calloc(drill->player_count, sizeof *drill->players);
    drill->opened_at = calloc(drill->player_count, sizeof *drill->opened_at);
    drill->sources = calloc(plan->publishers + 1, sizeof *drill->sources);
    if (!drill->players || !drill->opened_at || !drill->sources)
        return GW_NO_MEMORY;
    for (uint32_t i = 0; i < drill->player_count; i++)
        GW_TRY(make_player(drill, i));
    GW_TRY(make_witnesses(drill));
    drill->loop = gw_loop_new(gw_socket_system(), gw_clock_system(), NULL);
    return drill->loop ? GW_OK : GW_NO_MEMORY;
}

enum gw_status gw_drill_new(const struct gw_drill_plan *plan, gw_drill_progress_fn *progress,
                            void *user, struct gw_drill **ret_drill)
{
    struct gw_drill *drill = calloc(1, sizeof *drill);
    *ret_drill = NULL;
    if (!drill)
        return GW_NO_MEMORY;
    drill->plan = plan;
    drill->progress = progress;
    drill->user = user;
    drill->fan = gw_drill_fan(plan);
    gw_histogram_init(&drill->result.connects);
    gw_histogram_init(&drill->result.latencies);
    gw_timer_init(&drill->tick, on_tick);
    enum gw_status status = make_all(drill);
    if (status != GW_OK)
        gw_drill_free(drill);
    else
        *ret_drill = drill;
    return status;
}

void gw_drill_free(struct gw_drill *drill)
{
    if (!drill)
        return;
    for (uint32_t i = 0; drill->players && i < drill->player_count; i++)
        gw_player_fini(&drill->players[i]);
    for (uint32_t i = 0; drill->witnesses && i < drill->witness_count; i++)
        gw_witness_fini(&drill->witnesses[i]);
    gw_loop_free(drill->loop);
    free(drill->witnesses);
    free(drill->sources);
    free(drill->opened_at);
    free(drill->players);
    free(drill);
}

static void add_up(struct gw_drill *drill)
{
    struct gw_drill_result *result = &drill->result;
    for (uint32_t i = 0; i < drill->witness_count; i++) {
        result->doubled += drill->witnesses[i].doubled;
        result->disordered += drill->witnesses[i].disordered;
        result->foreign += drill->witnesses[i].foreign;
    }
    result->received = received(drill);
    result->expected = result->sent * drill->fan;
    result->unacknowledged = in_flight(drill);
    if (plan_of(drill)->scene == GW_DRILL_SHARED) /* members of a group owe each other no order */
        result->disordered = 0;
}

enum gw_status gw_drill_run(struct gw_drill *drill)
{
    const struct gw_loop_hooks hooks = {before_flush, next_send, drill};
    drill->began = gw_clock_mono(gw_loop_clock(drill->loop));
    enter(drill, GW_DRILL_CONNECTING, drill->began);
    gw_loop_set_hooks(drill->loop, &hooks);
    gw_wheel_arm(gw_loop_wheel(drill->loop), &drill->tick, drill->began + 1);
    gw_loop_run(drill->loop);
    gw_wheel_cancel(gw_loop_wheel(drill->loop), &drill->tick);
    drill->phase = GW_DRILL_DONE;
    add_up(drill);
    if (drill->result.trouble[0] == '\0')
        return GW_OK;
    return drill->result.lost_connections > 0 ? GW_CLOSED : GW_OS_ERROR;
}

const struct gw_drill_result *gw_drill_result(const struct gw_drill *drill)
{
    return &drill->result;
}

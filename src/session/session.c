#include "session/session.h"

#include <stdlib.h>

#include "base/assert.h"

struct gw_session *gw_session_new(struct gw_span client_id, uint64_t client_hash)
{
    struct gw_session *session = calloc(1, sizeof(*session) + client_id.size);
    if (!session)
        return NULL;
    session->client_hash = client_hash;
    session->client_id_size = (uint16_t)client_id.size;
    if (client_id.size > 0)
        memcpy(session->client_id, client_id.data, client_id.size);
    gw_outbox_init(&session->outbox);
    gw_idset_init(&session->received);
    gw_list_init(&session->subscriptions);
    gw_list_init(&session->replays);
    gw_list_init(&session->waiting);
    gw_list_init(&session->warm);
    return session;
}

void gw_session_free(struct gw_session *session, struct gw_outbox_host *host)
{
    if (!session)
        return;
    GW_ASSERT(gw_list_empty(&session->subscriptions));
    GW_ASSERT(gw_list_empty(&session->replays));
    gw_outbox_fini(&session->outbox, host);
    gw_idset_fini(&session->received);
    gw_session_drop_will(session);
    gw_blob_unref(&session->access.user);
    gw_blob_unref(&session->access.groups);
    gw_blob_unref(&session->access.attributes);
    free(session);
}

size_t gw_session_bytes(const struct gw_session *session)
{
    size_t will =
        session->will ? sizeof(*session->will) + gw_message_footprint(&session->will->message) : 0;
    const struct gw_session_access *access = &session->access;
    size_t names =
        (access->user ? access->user->size : 0) + (access->groups ? access->groups->size : 0);
    return sizeof(*session) + session->client_id_size + names + will +
           session->received.capacity * sizeof(gw_packet_id) +
           session->outbox.window.capacity * sizeof(struct gw_window_slot);
}

void gw_session_set_user(struct gw_session *session, struct gw_blob *user)
{
    if (user)
        gw_blob_ref(user);
    gw_blob_unref(&session->access.user);
    session->access.user = user;
}

struct gw_span gw_session_key(const struct gw_map_node *node)
{
    return gw_session_client_id(GW_CONTAINER_CONST(node, struct gw_session, node));
}

enum gw_status gw_session_set_will(struct gw_session *session, struct gw_message *message,
                                   uint32_t delay)
{
    gw_session_drop_will(session);
    struct gw_will *will = malloc(sizeof(*will));
    if (!will || gw_message_keep(message) != GW_OK) {
        free(will);
        return GW_NO_MEMORY;
    }
    *will = (struct gw_will){*message, delay};
    message->blob = NULL;
    session->will = will;
    return GW_OK;
}

void gw_session_drop_will(struct gw_session *session)
{
    if (!session->will)
        return;
    gw_message_drop(&session->will->message);
    free(session->will);
    session->will = NULL;
}

bool gw_session_take_will(struct gw_session *session, gw_mono_ns now,
                          struct gw_message *ret_message, struct gw_message *ret_keeper)
{
    if (!session->will)
        return false;
    *ret_keeper = session->will->message;
    *ret_message = session->will->message;
    ret_message->blob = NULL; /* a new message: its time begins now */
    ret_message->received_at = now;
    free(session->will);
    session->will = NULL;
    return true;
}

void gw_session_on_connected(struct gw_session *session, uint32_t expiry)
{
    gw_session_drop_will(session);
    session->expiry = expiry;
    session->full_told = false;
}

static gw_mono_ns expiry_deadline(const struct gw_session *session)
{
    if (session->expiry == GW_SESSION_EXPIRY_NEVER)
        return GW_NEVER;
    return gw_time_add_s(session->closed_at, session->expiry);
}

struct gw_session_duty gw_session_on_closed(struct gw_session *session, enum gw_session_close how,
                                            gw_mono_ns now)
{
    session->link = NULL;
    session->closed_at = now;
    if (how == GW_SESSION_CLOSE_CLEAN)
        gw_session_drop_will(session);
    return gw_session_on_deadline(session, now);
}

gw_mono_ns gw_session_next_deadline(const struct gw_session *session)
{
    if (session->link)
        return GW_NEVER;
    gw_mono_ns deadline = expiry_deadline(session);
    if (session->will) {
        gw_mono_ns due = gw_time_add_s(session->closed_at, session->will->delay);
        if (due < deadline)
            deadline = due;
    }
    return deadline;
}

struct gw_session_duty gw_session_on_deadline(struct gw_session *session, gw_mono_ns now)
{
    struct gw_session_duty duty = {0};
    if (session->link)
        return duty;
    duty.end = now >= expiry_deadline(session);
    if (session->will) {
        gw_mono_ns due = gw_time_add_s(session->closed_at, session->will->delay);
        duty.publish_will = duty.end || now >= due;
    }
    return duty;
}

#include "net/proxied.h"

#include <stdlib.h>

#include "base/assert.h"
#include "net/proxyhead.h"

#define HELD_FIRST ((size_t)512) /* most headers have some dozens of bytes */

/* What the proxy said, as texts of one block. */
struct words {
    const char *common_name;
    const char *protocol;
    const char *cipher;
    const char *server_name;
};

struct proxied {
    struct gw_transport base; /* first */
    const struct gw_proxied_rules *rules;
    uint8_t *held;   /* until the header is whole, then what came behind it */
    size_t capacity; /* of held */
    size_t size, at; /* bytes in held, bytes of them that were given on */
    struct gw_address *peer;
    struct words words;
    char *texts; /* that words point to; NULL: none */
    bool done;   /* the header was read */
};

static struct proxied *of(struct gw_transport *transport)
{
    return (struct proxied *)(void *)transport;
}

static enum gw_status refuse(struct proxied *proxied, const char *trouble)
{
    proxied->base.trouble = trouble;
    return GW_PROTOCOL;
}

/* -- the header -- */

static char *put_text(char *at, struct gw_span text, const char **ret_text)
{
    *ret_text = NULL;
    if (text.size == 0)
        return at;
    memcpy(at, text.data, text.size);
    at[text.size] = 0;
    *ret_text = at;
    return at + text.size + 1;
}

static bool keep_words(struct proxied *proxied, const struct gw_proxyhead *head)
{
    struct gw_span name = head->verified ? head->common_name : GW_SPAN_NONE;
    struct gw_span protocol = head->tls ? head->tls_version : GW_SPAN_NONE;
    struct gw_span cipher = head->tls ? head->cipher : GW_SPAN_NONE;
    size_t size = name.size + protocol.size + cipher.size + head->authority.size;
    if (size == 0)
        return true;
    char *at = proxied->texts = malloc(size + 4);
    if (!at)
        return false;
    at = put_text(at, name, &proxied->words.common_name);
    at = put_text(at, protocol, &proxied->words.protocol);
    at = put_text(at, cipher, &proxied->words.cipher);
    put_text(at, head->authority, &proxied->words.server_name);
    return true;
}

static bool keep_address(struct proxied *proxied, const struct gw_address *address)
{
    size_t size = gw_address_stored_size(address);
    proxied->peer = malloc(size);
    if (proxied->peer)
        memcpy(proxied->peer, address, size);
    proxied->base.peer = proxied->peer;
    return proxied->peer != NULL;
}

static enum gw_status take_header(struct proxied *proxied, const struct gw_proxyhead *head)
{
    const struct gw_proxied_rules *rules = proxied->rules;
    proxied->done = true;
    if (!keep_words(proxied, head) || (head->known && !keep_address(proxied, &head->address)))
        return refuse(proxied, "out of memory");
    if (rules->cert_required && !head->verified)
        return refuse(proxied, "the client has shown the proxy no certificate");
    const char *why =
        head->known && rules->judge ? rules->judge(rules->ctx, proxied->base.conn) : NULL;
    return why ? refuse(proxied, why) : GW_OK;
}

static bool make_room(struct proxied *proxied)
{
    if (proxied->size < proxied->capacity)
        return true;
    size_t capacity = proxied->capacity ? 2 * proxied->capacity : HELD_FIRST;
    GW_ASSERT(capacity <= GW_PROXYHEAD_SIZE_MAX); /* a longer header is refused when it is told */
    uint8_t *held = realloc(proxied->held, capacity);
    if (!held)
        return false;
    proxied->held = held;
    proxied->capacity = capacity;
    return true;
}

/* Reads until the header is whole; GW_OK: it is, and what is left in held comes behind it. */
static enum gw_status read_header(struct proxied *proxied, int *ret_errno)
{
    for (;;) {
        struct gw_proxyhead head;
        size_t got, size;
        const char *what = NULL;
        if (!make_room(proxied))
            return refuse(proxied, "out of memory");
        GW_TRY(gw_transport_recv(&proxied->base, proxied->held + proxied->size,
                                 proxied->capacity - proxied->size, &got, ret_errno));
        proxied->size += got;
        struct gw_span bytes = gw_span_of(proxied->held, proxied->size);
        enum gw_status status = gw_proxyhead_read(bytes, &head, &size, &what);
        if (status == GW_MORE)
            continue;
        if (status != GW_OK)
            return refuse(proxied, what);
        proxied->at = size;
        return take_header(proxied, &head);
    }
}

static void drop_held(struct proxied *proxied)
{
    free(proxied->held);
    proxied->held = NULL;
    proxied->capacity = proxied->size = proxied->at = 0;
}

/* -- the transport -- */

static enum gw_status proxied_recv(struct gw_transport *transport, void *memory, size_t size,
                                   size_t *ret_size, int *ret_errno)
{
    struct proxied *proxied = of(transport);
    *ret_size = 0;
    if (transport->trouble)
        return GW_PROTOCOL;
    if (!proxied->done)
        GW_TRY(read_header(proxied, ret_errno));
    size_t left = proxied->size - proxied->at;
    if (left == 0) {
        if (proxied->held)
            drop_held(proxied);
        return gw_transport_recv(transport, memory, size, ret_size, ret_errno);
    }
    *ret_size = left < size ? left : size;
    memcpy(memory, proxied->held + proxied->at, *ret_size);
    proxied->at += *ret_size;
    transport->pending = proxied->at < proxied->size;
    if (!transport->pending)
        drop_held(proxied);
    return GW_OK;
}

static void proxied_describe(const struct gw_transport *transport, struct gw_transport_story *story)
{
    const struct proxied *proxied = (const struct proxied *)(const void *)transport;
    const struct words *words = &proxied->words;
    story->peer_name = proxied->rules->names_client ? words->common_name : NULL;
    story->protocol = words->protocol;
    story->cipher = words->cipher;
    story->server_name = words->server_name;
}

static enum gw_status proxied_attest(const struct gw_transport *transport,
                                     gw_transport_attest_fn *fn, void *user)
{
    const char *name = ((const struct proxied *)(const void *)transport)->words.common_name;
    return name ? fn(user, "cert.cn", gw_span_str(name)) : GW_OK;
}

static void proxied_free(struct gw_transport *transport)
{
    struct proxied *proxied = of(transport);
    free(proxied->held);
    free(proxied->peer);
    free(proxied->texts);
    free(proxied);
}

static const struct gw_transport_ops proxied_ops = {
    .recv = proxied_recv,
    .sendv = gw_transport_pass,
    .shut = gw_transport_shut,
    .describe = proxied_describe,
    .free = proxied_free,
    .attest = proxied_attest,
};

static struct gw_transport *make(void *ctx)
{
    struct proxied *proxied = calloc(1, sizeof *proxied);
    if (!proxied)
        return NULL;
    gw_transport_init(&proxied->base, &proxied_ops);
    proxied->rules = ctx;
    return &proxied->base;
}

struct gw_transport_layer gw_proxied_layer(struct gw_proxied_rules *rules)
{
    return (struct gw_transport_layer){make, rules};
}

/*
 * auth/access: the rules that say who may publish and receive what.
 *
 * Layer   auth (may include topic, base, os). Computes only.
 * Owner   written by its maker until it is shared; immutable and counted from then on, any thread.
 * Life    new gives one reference; add and seal while it is the only one; ref/unref; the last
 *         unref frees.
 * Limits  GW_ACCESS_RULES_MAX rules, GW_ACCESS_GENERAL_MAX of them without a user.
 *
 * The rules are asked in order. The first that is for this client, this action and this topic says
 * yes or no; if none is, the answer is no. No rules at all (NULL) is another matter than an empty
 * list: then everybody may do everything. Whatever stands there, $SYS is the broker's to write.
 *
 * Rights to receive are rights to topics. A subscription is granted if some topic that its filter
 * matches may be received, and each message is judged by its own topic; a subscription that lies
 * wholly within one allowing rule, nothing before it touching it, is "covered": its messages need
 * no judging.
 */
#ifndef GW_AUTH_ACCESS_H
#define GW_AUTH_ACCESS_H

#include "auth/identity.h"
#include "base/buf.h"

#define GW_ACCESS_RULES_MAX   100000u
#define GW_ACCESS_GENERAL_MAX 2000u

#define GW_ACCESS_NO_RULE UINT32_MAX       /* none is for it */
#define GW_ACCESS_SYSTEM  (UINT32_MAX - 1) /* $SYS is not for clients to write */

enum gw_access_action {
    GW_ACCESS_PUBLISH = 1,
    GW_ACCESS_SUBSCRIBE = 2, /* subscribe, and receive */
    GW_ACCESS_BOTH = 3,
};

/* Whether a rule is for retained messages. */
enum gw_access_retain { GW_ACCESS_RETAIN_ANY, GW_ACCESS_RETAIN_NO, GW_ACCESS_RETAIN_ONLY };

/* Addresses that begin with the same bits; IPv4 as IPv6 has it (::ffff:0:0/96). */
struct gw_access_net {
    uint8_t bytes[16];
    uint8_t bits;
    bool stands; /* false: any address, or none */
};

/* What a rule is for: everything that is said has to hold. Empty spans say nothing. */
struct gw_access_rule {
    struct gw_span user;        /* the user has this name; never holds for anonymous clients */
    struct gw_span group;       /* the user is in this group */
    struct gw_span client_id;   /* the client identifier is this one */
    struct gw_span topic;       /* as gw_reach_encode makes it; empty: every topic */
    struct gw_span listener;    /* URL of the listener that it came by, with its address */
    struct gw_span certificate; /* one attribute that it has proved, as gw_warrant_put makes it */
    struct gw_span claim;       /* another */
    struct gw_access_net net;
    uint8_t actions; /* enum gw_access_action */
    uint8_t retain;  /* enum gw_access_retain; for publishing only */
    uint8_t qos_max; /* allowing rules: publish with no more, receive with no more */
    bool allow;
    bool anonymous; /* the client has no user */
    bool from_file; /* it stands in access_file, not in access */
    uint32_t line;  /* where it stands; 0: not known */
};

struct gw_access;

/* Makes an empty list, which denies everything; NULL when memory is out. */
struct gw_access *gw_access_new(void);
struct gw_access *gw_access_ref(struct gw_access *access);
/* Gives a reference back and sets *access to NULL; NULL is fine. */
void gw_access_unref(struct gw_access **access);

/* Adds a rule at the end; copies its texts. GW_NO_MEMORY; GW_LIMIT: too many. */
GW_MUST_USE enum gw_status gw_access_add(struct gw_access *access,
                                         const struct gw_access_rule *rule);

/* Ends the adding; before it is asked. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_access_seal(struct gw_access *access);

/* How many rules; one of them, by its number from 0. NULL has none. */
size_t gw_access_count(const struct gw_access *access);
const struct gw_access_rule *gw_access_at(const struct gw_access *access, size_t index);

/* True if both are none, or have the same rules in the same order. */
bool gw_access_equal(const struct gw_access *a, const struct gw_access *b);

/* Parses "10.0.0.0/8", "10.1.2.3", "fd00::/8", "::1"; GW_INVALID. */
GW_MUST_USE enum gw_status gw_access_parse_net(struct gw_span text, struct gw_access_net *ret_net);
/* The way back; returns text. */
#define GW_ACCESS_NET_TEXT_MAX 64
const char *gw_access_net_text(const struct gw_access_net *net, char text[GW_ACCESS_NET_TEXT_MAX]);

/* True if an address is one of those. NULL and other families are not. */
bool gw_access_net_has(const struct gw_access_net *net, const struct gw_address *address);

/* What is asked: may `who` do this with this topic? */
struct gw_access_question {
    const struct gw_identity *who;
    enum gw_access_action action; /* one of the two */
    struct gw_span topic;         /* a valid name; for gw_access_grant a valid bare filter */
    uint8_t qos;                  /* of a publication */
    bool retain;                  /* of a publication */
    bool absent; /* it is not there now: if its address or listener is not said, rules that ask for
                  * that hold if they allow */
};

/* The answer. */
struct gw_access_verdict {
    bool allowed;
    bool covered;    /* of a grant: whatever the filter matches may be received */
    uint8_t qos_max; /* receiving: with no more than this */
    uint32_t rule;   /* that decided, GW_ACCESS_NO_RULE, GW_ACCESS_SYSTEM */
};

/* May it publish to this topic, receive from it? Linear in the rules without a user and those of
 * this user. */
struct gw_access_verdict gw_access_judge(const struct gw_access *access,
                                         const struct gw_access_question *question);

/* May it subscribe to this filter? No only if nothing that the filter matches could be received:
 * every allowing rule that overlaps it stands behind one that denies all they have in common. */
struct gw_access_verdict gw_access_grant(const struct gw_access *access,
                                         const struct gw_access_question *question);

#endif

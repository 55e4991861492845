#include "auth/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/reach.h"
#include "auth/warrant.h"
#include "base/assert.h"
#include "base/hash.h"

#define QOS_MAX    2u
#define V4_OFFSET  12u /* of an IPv4 address in an IPv6 one */
#define V4_BITS    96u
#define TEXTS      7u  /* of a rule */
#define DENIES_MAX 64u /* that a filter overlaps and are remembered; more are passed over */

/* What is left of a topic to be compared behind its prefix. */
enum shape {
    SHAPE_EXACT, /* "a/b": nothing */
    SHAPE_BELOW, /* "a/#": a separator or nothing */
    SHAPE_ANY,   /* "#": no $ in front */
    SHAPE_OTHER, /* levels */
};

/* A rule with its texts. */
struct entry {
    struct gw_access_rule rule;
    uint32_t prefix_size; /* bytes that stand at the beginning of every topic name it matches */
    uint8_t shape;        /* enum shape */
    bool has_placeholder;
    char *texts;
};

/* Rules that name a user are found by it, so that a file may have many. */
struct gw_access {
    atomic_uint refs; /* ref relaxed; unref releases, the last one acquires */
    uint32_t count;
    uint32_t capacity;
    uint32_t general_count;
    struct entry *entries;
    uint32_t *general;          /* numbers of rules that name no user */
    const struct entry **named; /* the others; made by seal */
};

static const uint8_t v4_prefix[V4_OFFSET] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/* -- the list -- */

struct gw_access *gw_access_new(void)
{
    struct gw_access *access = calloc(1, sizeof *access);

    if (access)
        atomic_init(&access->refs, 1);
    return access;
}

struct gw_access *gw_access_ref(struct gw_access *access)
{
    if (access)
        atomic_fetch_add_explicit(&access->refs, 1, memory_order_relaxed);
    return access;
}

void gw_access_unref(struct gw_access **access)
{
    struct gw_access *old = *access;

    *access = NULL;
    if (!old || atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (uint32_t i = 0; i < old->count; i++)
        free(old->entries[i].texts);
    free(old->entries);
    free(old->general);
    free(old->named);
    free(old);
}

static void texts_of(struct gw_access_rule *rule, struct gw_span *ret_texts[TEXTS])
{
    struct gw_span *const texts[TEXTS] = {&rule->user,    &rule->group,       &rule->client_id,
                                          &rule->topic,   &rule->certificate, &rule->claim,
                                          &rule->listener};

    memcpy(ret_texts, texts, sizeof texts);
}

/* Moves the texts of a rule into memory of its own, which the caller frees; NULL: there is none. */
static char *keep_texts(struct gw_access_rule *rule)
{
    struct gw_span *texts[TEXTS];
    size_t size = 1;

    texts_of(rule, texts);
    for (size_t i = 0; i < TEXTS; i++)
        size += texts[i]->size;
    char *memory = malloc(size);
    char *room = memory;
    for (size_t i = 0; memory != NULL && i < TEXTS; i++) {
        if (texts[i]->size == 0)
            continue;
        memcpy(room, texts[i]->data, texts[i]->size);
        texts[i]->data = (const uint8_t *)room;
        room += texts[i]->size;
    }
    return memory;
}

static enum gw_status grow(struct gw_access *access)
{
    uint32_t capacity = access->capacity ? access->capacity * 2 : 8;

    if (access->count < access->capacity)
        return GW_OK;
    struct entry *entries = realloc(access->entries, capacity * sizeof *entries);
    if (!entries)
        return GW_NO_MEMORY;
    access->entries = entries;
    uint32_t *general = realloc(access->general, capacity * sizeof *general);
    if (!general)
        return GW_NO_MEMORY;
    access->general = general;
    access->capacity = capacity;
    return GW_OK;
}

/* Bytes of a filter that stand at the beginning of all it matches: "a" of "a/#" and "a/+". */
static uint32_t prefix_of(struct gw_span topic)
{
    size_t size = 0;

    while (size < topic.size && topic.data[size] != '+' && topic.data[size] != '#' &&
           topic.data[size] < GW_REACH_USER)
        size++;
    if (size > 0 && size < topic.size && topic.data[size] == '#')
        size--;
    return (uint32_t)size;
}

static enum shape shape_of(struct gw_span topic, uint32_t prefix_size)
{
    struct gw_span rest = gw_span_from(topic, prefix_size);

    return rest.size == 0                                              ? SHAPE_EXACT
           : gw_span_equal(rest, GW_SPAN_LIT("/#"))                    ? SHAPE_BELOW
           : prefix_size == 0 && gw_span_equal(rest, GW_SPAN_LIT("#")) ? SHAPE_ANY
                                                                       : SHAPE_OTHER;
}

enum gw_status gw_access_add(struct gw_access *access, const struct gw_access_rule *rule)
{
    bool general = rule->user.size == 0;

    if (access->count >= GW_ACCESS_RULES_MAX ||
        (general && access->general_count >= GW_ACCESS_GENERAL_MAX))
        return GW_LIMIT;
    GW_TRY(grow(access));
    uint32_t prefix_size = prefix_of(rule->topic);
    struct entry *entry = &access->entries[access->count];
    *entry = (struct entry){
        .rule = *rule,
        .prefix_size = prefix_size,
        .shape = (uint8_t)shape_of(rule->topic, prefix_size),
        .has_placeholder = gw_reach_has_placeholder(rule->topic),
    };
    entry->texts = keep_texts(&entry->rule);
    if (!entry->texts)
        return GW_NO_MEMORY;
    if (general)
        access->general[access->general_count++] = access->count;
    access->count++;
    return GW_OK;
}

/* -1, 0 or 1, as memcmp; what is a beginning of the other comes first. */
static int compare(struct gw_span a, struct gw_span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* For qsort: by user, rules of one user as they stand in the list. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = *(const struct entry *const *)a;
    const struct entry *two = *(const struct entry *const *)b;
    int order = compare(one->rule.user, two->rule.user);

    return order != 0 ? order : (one > two) - (one < two);
}

enum gw_status gw_access_seal(struct gw_access *access)
{
    size_t count = access->count - access->general_count;
    size_t place = 0;

    GW_ASSERT(access->named == NULL);
    if (count == 0)
        return GW_OK;
    access->named = malloc(count * sizeof *access->named);
    if (!access->named)
        return GW_NO_MEMORY;
    for (uint32_t i = 0; i < access->count; i++) {
        if (access->entries[i].rule.user.size > 0)
            access->named[place++] = &access->entries[i];
    }
    qsort(access->named, count, sizeof *access->named, compare_entries);
    return GW_OK;
}

/* The first place of `named` whose user is behind this one (or is it, if not `behind`). */
static uint32_t place_of(const struct gw_access *access, struct gw_span user, bool behind)
{
    uint32_t low = 0;
    uint32_t high = access->count - access->general_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(access->named[middle]->rule.user, user);

        if (order < 0 || (behind && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t gw_access_count(const struct gw_access *access)
{
    return access ? access->count : 0;
}

const struct gw_access_rule *gw_access_at(const struct gw_access *access, size_t index)
{
    GW_ASSERT(access != NULL && index < access->count);
    return &access->entries[index].rule;
}

static bool same_net(const struct gw_access_net *a, const struct gw_access_net *b)
{
    return a->stands == b->stands && a->bits == b->bits &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* They say the same, wherever they stand. */
static bool same_rule(const struct gw_access_rule *a, const struct gw_access_rule *b)
{
    return a->allow == b->allow && a->actions == b->actions && a->retain == b->retain &&
           a->qos_max == b->qos_max && a->anonymous == b->anonymous && same_net(&a->net, &b->net) &&
           gw_span_equal(a->user, b->user) && gw_span_equal(a->group, b->group) &&
           gw_span_equal(a->client_id, b->client_id) && gw_span_equal(a->topic, b->topic) &&
           gw_span_equal(a->certificate, b->certificate) && gw_span_equal(a->claim, b->claim) &&
           gw_span_equal(a->listener, b->listener);
}

bool gw_access_equal(const struct gw_access *a, const struct gw_access *b)
{
    if (!a || !b)
        return a == b;
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!same_rule(&a->entries[i].rule, &b->entries[i].rule))
            return false;
    }
    return true;
}

/* -- addresses -- */

static bool parse_bits(struct gw_span text, unsigned bits_max, uint8_t *ret_bits)
{
    unsigned bits = 0;

    if (text.size == 0 || text.size > 3 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(text.data[i] - '0');
    }
    *ret_bits = (uint8_t)bits;
    return bits <= bits_max;
}

/* Clears what is behind the first bits. */
static void mask(struct gw_access_net *net)
{
    for (unsigned i = 0; i < sizeof net->bytes; i++) {
        unsigned kept = net->bits > i * 8 ? net->bits - i * 8 : 0;

        if (kept < 8)
            net->bytes[i] &= (uint8_t)(0xFF00u >> kept);
    }
}

enum gw_status gw_access_parse_net(struct gw_span text, struct gw_access_net *ret_net)
{
    struct gw_access_net net = {.stands = true};
    char host[INET6_ADDRSTRLEN];
    const uint8_t *slash = text.size > 0 ? memchr(text.data, '/', text.size) : NULL;
    size_t size = slash ? (size_t)(slash - text.data) : text.size;

    if (size == 0 || size >= sizeof host || memchr(text.data, 0, size))
        return GW_INVALID;
    memcpy(host, text.data, size);
    host[size] = '\0';
    bool v4 = inet_pton(AF_INET, host, net.bytes + V4_OFFSET) == 1;
    unsigned bits_max = v4 ? 32 : 128;
    net.bits = (uint8_t)bits_max;
    if (v4)
        memcpy(net.bytes, v4_prefix, sizeof v4_prefix);
    else if (inet_pton(AF_INET6, host, net.bytes) != 1)
        return GW_INVALID;
    if (slash && !parse_bits(gw_span_from(text, size + 1), bits_max, &net.bits))
        return GW_INVALID;
    if (v4)
        net.bits = (uint8_t)(net.bits + V4_BITS);
    mask(&net);
    *ret_net = net;
    return GW_OK;
}

const char *gw_access_net_text(const struct gw_access_net *net, char text[GW_ACCESS_NET_TEXT_MAX])
{
    bool v4 = net->bits >= V4_BITS && memcmp(net->bytes, v4_prefix, sizeof v4_prefix) == 0;
    char host[INET6_ADDRSTRLEN] = "";

    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? net->bytes + V4_OFFSET : net->bytes, host, sizeof host);
    snprintf(text, GW_ACCESS_NET_TEXT_MAX, "%s/%u", host,
             v4 ? (unsigned)net->bits - V4_BITS : (unsigned)net->bits);
    return text;
}

bool gw_access_net_has(const struct gw_access_net *net, const struct gw_address *address)
{
    struct gw_access_net peer = {.bits = net->bits, .stands = true};

    if (!address || address->size < sizeof(sa_family_t))
        return false;
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)&address->storage;

        memcpy(peer.bytes, v4_prefix, sizeof v4_prefix);
        memcpy(peer.bytes + V4_OFFSET, &v4->sin_addr, 4);
    } else if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)&address->storage;

        memcpy(peer.bytes, &v6->sin6_addr, sizeof peer.bytes);
    } else {
        return false;
    }
    mask(&peer);
    return memcmp(peer.bytes, net->bytes, sizeof peer.bytes) == 0;
}

/* -- asking -- */

/* The rules that may concern somebody, in their order. */
struct turn {
    const struct gw_access *access;
    uint32_t general, general_end;
    uint32_t named, named_end;
};

static struct turn turn_of(const struct gw_access *access, const struct gw_identity *who)
{
    struct turn turn = {.access = access, .general_end = access->general_count};

    if (!who->anonymous && who->user.size > 0 && access->general_count < access->count) {
        turn.named = place_of(access, who->user, false);
        turn.named_end = place_of(access, who->user, true);
    }
    return turn;
}

/* The number of the next one, GW_ACCESS_NO_RULE at the end. */
static uint32_t next_rule(struct turn *turn)
{
    const struct gw_access *access = turn->access;
    uint32_t general =
        turn->general < turn->general_end ? access->general[turn->general] : GW_ACCESS_NO_RULE;
    uint32_t named = turn->named < turn->named_end
                         ? (uint32_t)(access->named[turn->named] - access->entries)
                         : GW_ACCESS_NO_RULE;

    if (general < named) {
        turn->general++;
        return general;
    }
    turn->named += named != GW_ACCESS_NO_RULE;
    return named;
}

/* Where the client comes from is as the rule has it; what is not known now is taken so that the
 * client gets its messages, which are judged again when it is there. */
static bool comes_from(const struct gw_access_rule *rule, const struct gw_access_question *question)
{
    const struct gw_identity *who = question->who;

    if (rule->net.stands) {
        bool unknown = question->absent && !who->address;

        if (unknown ? !rule->allow : !gw_access_net_has(&rule->net, who->address))
            return false;
    }
    if (rule->listener.size > 0) {
        bool unknown = question->absent && who->listener.size == 0;

        if (unknown ? !rule->allow : !gw_span_equal(rule->listener, who->listener))
            return false;
    }
    return true;
}

/* One of the client's attributes is this one. */
static bool has_proved(const struct gw_identity *who, struct gw_span attribute)
{
    struct gw_span name, value;

    return gw_warrant_next(&attribute, &name, &value) &&
           gw_warrant_has_attribute(who->attributes, name, value);
}

/* His groups are as the rule has it. */
static bool is_in_group(const struct gw_access_rule *rule, const struct gw_identity *who)
{
    if (rule->group.size == 0)
        return true;
    if (who->anonymous)
        return false;
    return who->unknown & GW_IDENTITY_GROUPS ? rule->allow : gw_identity_in_group(who, rule->group);
}

static bool is_client(struct gw_span client_id, const struct gw_identity *who)
{
    if (client_id.size == 0 || gw_span_equal(client_id, who->client_id))
        return true;
    return (who->unknown & GW_IDENTITY_CLIENT_ID) &&
           gw_hash_bytes(client_id, who->client_seed) == who->client_hash;
}

/* Both attributes that the rule asks for were proved. */
static bool proved_all(const struct gw_access_rule *rule, const struct gw_identity *who)
{
    if (rule->certificate.size == 0 && rule->claim.size == 0)
        return true;
    if (who->unknown & GW_IDENTITY_ATTRIBUTES)
        return rule->allow;
    return (rule->certificate.size == 0 || has_proved(who, rule->certificate)) &&
           (rule->claim.size == 0 || has_proved(who, rule->claim));
}

/* The client identifier would have to be a part of a level, and it is not known: nobody can tell
 * whether the filter matches, so it does where that allows. */
static bool is_vague(const struct entry *entry, const struct gw_identity *who)
{
    struct gw_span topic = entry->rule.topic;

    if (!entry->has_placeholder || !entry->rule.allow || who->client_id.size > 0 ||
        !(who->unknown & GW_IDENTITY_CLIENT_ID))
        return false;
    for (size_t i = 0; i < topic.size; i++) {
        bool begins = i == 0 || topic.data[i - 1] == '/';
        bool ends = i + 1 == topic.size || topic.data[i + 1] == '/';

        if (topic.data[i] == GW_REACH_CLIENT && !(begins && ends))
            return true;
    }
    return false;
}

/* What it says of the client holds; its user was looked at by turn_of. */
static bool concerns(const struct entry *entry, const struct gw_access_question *question)
{
    const struct gw_access_rule *rule = &entry->rule;
    const struct gw_identity *who = question->who;

    if (rule->anonymous && !who->anonymous)
        return false;
    if (!is_in_group(rule, who) || !is_client(rule->client_id, who) ||
        !comes_from(rule, question) || !proved_all(rule, who))
        return false;
    return !entry->has_placeholder || is_vague(entry, who) || gw_reach_fits(rule->topic, who);
}

/* What it says of the publication holds. */
static bool fits_publication(const struct gw_access_rule *rule,
                             const struct gw_access_question *question)
{
    if (question->action != GW_ACCESS_PUBLISH)
        return true;
    if (rule->retain != GW_ACCESS_RETAIN_ANY &&
        question->retain != (rule->retain == GW_ACCESS_RETAIN_ONLY))
        return false;
    return !rule->allow || question->qos <= rule->qos_max;
}

/* False: the topic name is none of its topics; true: it is, or its levels have to be compared. */
static bool is_for_name(const struct entry *entry, struct gw_span name)
{
    struct gw_span topic = entry->rule.topic;
    size_t prefix_size = entry->prefix_size;

    if (topic.size == 0)
        return true;
    if (name.size < prefix_size || memcmp(name.data, topic.data, prefix_size) != 0)
        return false;
    switch ((enum shape)entry->shape) {
    case SHAPE_EXACT: return name.size == prefix_size;
    case SHAPE_BELOW: return name.size == prefix_size || name.data[prefix_size] == '/';
    case SHAPE_ANY: return name.data[0] != '$'; /* MQTT-4.7.2-1 */
    case SHAPE_OTHER: break;
    }
    return true;
}

static bool is_system(struct gw_span topic_name)
{
    return gw_span_starts_with(topic_name, GW_SPAN_LIT("$SYS")) &&
           (topic_name.size == 4 || topic_name.data[4] == '/');
}

struct gw_access_verdict gw_access_judge(const struct gw_access *access,
                                         const struct gw_access_question *question)
{
    if (question->action == GW_ACCESS_PUBLISH && is_system(question->topic))
        return (struct gw_access_verdict){.rule = GW_ACCESS_SYSTEM};
    if (!access)
        return (struct gw_access_verdict){true, true, QOS_MAX, GW_ACCESS_NO_RULE};
    struct turn turn = turn_of(access, question->who);
    for (uint32_t i; (i = next_rule(&turn)) != GW_ACCESS_NO_RULE;) {
        const struct entry *entry = &access->entries[i];
        const struct gw_access_rule *rule = &entry->rule;

        if ((rule->actions & question->action) == 0 || !is_for_name(entry, question->topic) ||
            !fits_publication(rule, question) || !concerns(entry, question))
            continue;
        if (rule->topic.size == 0 || entry->shape != SHAPE_OTHER ||
            is_vague(entry, question->who) ||
            gw_reach_matches(rule->topic, question->who, question->topic))
            return (struct gw_access_verdict){rule->allow, false, rule->qos_max, i};
    }
    return (struct gw_access_verdict){.rule = GW_ACCESS_NO_RULE};
}

/* What is known of a filter so far. */
struct finding {
    const struct gw_access_question *question;
    struct gw_span denied[DENIES_MAX];
    uint32_t denied_count;
    uint32_t first_denying; /* that overlaps it, GW_ACCESS_NO_RULE if none */
    uint32_t first_allowing;
    uint8_t qos_max; /* of the allowing rules, the highest and the lowest */
    uint8_t qos_min;
    bool covered;
};

static bool covers(const struct gw_access_rule *rule, const struct finding *finding)
{
    return rule->topic.size == 0 ||
           gw_reach_covers(rule->topic, finding->question->who, finding->question->topic);
}

/* A rule before it takes away all that it allows of the filter. */
static bool is_void(const struct gw_access_rule *rule, const struct finding *finding)
{
    struct gw_span allowed = rule->topic.size > 0 ? rule->topic : finding->question->topic;
    uint32_t count = finding->denied_count < DENIES_MAX ? finding->denied_count : DENIES_MAX;

    for (uint32_t i = 0; i < count; i++) {
        if (gw_reach_covers_both(finding->denied[i], finding->question->who,
                                 finding->question->topic, allowed))
            return true;
    }
    return false;
}

/* Takes a rule that overlaps the filter into account; false: those behind it make no difference. */
static bool weigh(struct finding *finding, const struct gw_access_rule *rule, uint32_t number)
{
    if (!rule->allow) {
        if (finding->first_denying == GW_ACCESS_NO_RULE)
            finding->first_denying = number;
        if (covers(rule, finding))
            return false;
        if (finding->denied_count < DENIES_MAX)
            finding->denied[finding->denied_count] = rule->topic;
        finding->denied_count++;
        return true;
    }
    if (is_void(rule, finding))
        return true;
    if (finding->first_allowing == GW_ACCESS_NO_RULE)
        finding->first_allowing = number;
    if (rule->qos_max > finding->qos_max)
        finding->qos_max = rule->qos_max;
    if (rule->qos_max < finding->qos_min)
        finding->qos_min = rule->qos_max;
    if (!covers(rule, finding))
        return true;
    finding->covered = finding->denied_count == 0 && finding->qos_min == finding->qos_max;
    return false;
}

struct gw_access_verdict gw_access_grant(const struct gw_access *access,
                                         const struct gw_access_question *question)
{
    struct finding finding = {
        .question = question,
        .first_denying = GW_ACCESS_NO_RULE,
        .first_allowing = GW_ACCESS_NO_RULE,
        .qos_min = QOS_MAX,
    };
    if (!access)
        return (struct gw_access_verdict){true, true, QOS_MAX, GW_ACCESS_NO_RULE};
    struct turn turn = turn_of(access, question->who);
    for (uint32_t i; (i = next_rule(&turn)) != GW_ACCESS_NO_RULE;) {
        const struct entry *entry = &access->entries[i];
        const struct gw_access_rule *rule = &entry->rule;

        if ((rule->actions & GW_ACCESS_SUBSCRIBE) == 0 || !concerns(entry, question))
            continue;
        if (rule->topic.size > 0 && !gw_reach_overlaps(rule->topic, question->who, question->topic))
            continue;
        if (!weigh(&finding, rule, i))
            break;
    }
    if (finding.first_allowing == GW_ACCESS_NO_RULE)
        return (struct gw_access_verdict){.rule = finding.first_denying};
    return (struct gw_access_verdict){true, finding.covered, finding.qos_max,
                                      finding.first_allowing};
}

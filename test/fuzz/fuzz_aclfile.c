/* auth/aclfile and auth/access: a file of any bytes is refused with a place in it, or gives rules
 * that can be written and read again; then no name of a client makes a pattern mean more than one
 * level, and what a filter is granted agrees with what its topics are. */
#include "fuzz.h"

#include "auth/aclfile.h"
#include "auth/reach.h"
#include "base/utf8.h"
#include "topic/name.h"

#define NAME_SIZE 12

static const char *const topics[] = {"a",       "a/b",   "b/a/c", "$SYS/a", "a//b",
                                     "own/x/y", "own/a", "/",     "$a/b",   "a/b/c/d"};
static const char *const filters[] = {"#", "+/#", "a/#", "+", "a/+", "$SYS/#", "own/+/y", "/+"};

/* A text of the input that may be a name. */
static struct gw_span name_of(struct gw_span *input, uint8_t *memory)
{
    static const uint8_t letters[] = "ab+#/$%uxc\xC3\xA4";
    size_t size = fuzz_u8(input) % NAME_SIZE;
    for (size_t i = 0; i < size; i++)
        memory[i] = letters[fuzz_u8(input) % (sizeof letters - 1)];
    return gw_utf8_check(gw_span_of(memory, size)) == GW_UTF8_VALID ? gw_span_of(memory, size)
                                                                    : GW_SPAN_NONE;
}

static bool is_hostile(struct gw_span name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '+' || name.data[i] == '#' || name.data[i] == '/')
            return true;
    }
    return name.size == 0;
}

static void check_rule(const struct gw_access_rule *rule, const struct gw_identity *who)
{
    struct gw_buf text, again;
    gw_buf_init(&text, 1 << 20);
    gw_buf_init(&again, 1 << 20);
    FUZZ_CHECK(gw_reach_decode(rule->topic, &text) == GW_OK);
    FUZZ_CHECK(gw_reach_encode(gw_buf_span(&text), &again) == GW_OK);
    FUZZ_CHECK(gw_span_equal(gw_buf_span(&again), rule->topic));
    bool uses_user = memchr(rule->topic.data, GW_REACH_USER, rule->topic.size) != NULL;
    bool uses_client = memchr(rule->topic.data, GW_REACH_CLIENT, rule->topic.size) != NULL;
    if ((uses_user && is_hostile(who->user)) || (uses_client && is_hostile(who->client_id)))
        FUZZ_CHECK(!gw_reach_fits(rule->topic, who));
    gw_buf_fini(&text);
    gw_buf_fini(&again);
}

/* A grant must not promise what topics do not keep, nor refuse what some topic would allow. */
static void check_answers(const struct gw_access *access, const struct gw_identity *who)
{
    for (size_t f = 0; f < GW_COUNT_OF(filters); f++) {
        struct gw_access_question filter = {
            .who = who, .action = GW_ACCESS_SUBSCRIBE, .topic = gw_span_str(filters[f])};
        struct gw_access_verdict grant = gw_access_grant(access, &filter);
        for (size_t t = 0; t < GW_COUNT_OF(topics); t++) {
            struct gw_access_question name = filter;
            name.topic = gw_span_str(topics[t]);
            if (!gw_filter_matches(filter.topic, name.topic))
                continue;
            struct gw_access_verdict verdict = gw_access_judge(access, &name);
            FUZZ_CHECK(!grant.covered || verdict.allowed);
            FUZZ_CHECK(grant.allowed || !verdict.allowed);
            if (verdict.allowed && gw_access_at(access, verdict.rule)->topic.size > 0)
                FUZZ_CHECK(gw_reach_fits(gw_access_at(access, verdict.rule)->topic, who));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_span input = gw_span_of(data, size);
    uint8_t user[NAME_SIZE], client_id[NAME_SIZE];
    struct gw_identity who = {.user = name_of(&input, user)};
    who.client_id = name_of(&input, client_id);
    who.anonymous = who.user.size == 0;
    struct gw_access *access = gw_access_new();
    struct gw_aclfile_error error;
    if (size > FUZZ_INPUT_MAX || !access) {
        gw_access_unref(&access);
        return 0;
    }
    uint8_t *text = fuzz_copy(input);
    enum gw_status status = gw_aclfile_parse(gw_span_of(text, input.size), access, &error);
    if (status == GW_OK) {
        FUZZ_CHECK(gw_access_seal(access) == GW_OK);
        for (size_t i = 0; i < gw_access_count(access); i++)
            check_rule(gw_access_at(access, i), &who);
        check_answers(access, &who);
    } else {
        FUZZ_CHECK(error.line > 0 && error.column > 0 && error.what[0] != '\0');
        FUZZ_CHECK(error.line <= input.size + 1 && error.column <= input.size + 1);
    }
    free(text);
    gw_access_unref(&access);
    return 0;
}

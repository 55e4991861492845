/* auth/jwt: whatever is given as a token is taken apart within bounds; what a judge lets in has a
 * name and an end. */
#include "fuzz.h"

#include "auth/jwt.h"
#include "base/utf8.h"

static void judge(const struct gw_jwt *token)
{
    static const struct gw_jwt_rules rules[] = {
        {.algorithms = GW_JWALG_PUBLIC, .username_claim = "sub", .groups_claim = "groups"},
        {.algorithms = GW_JWALG_SECRET,
         .issuer = "joe",
         .audience = "a, b",
         .username_claim = "a.b",
         .groups_claim = "scope",
         .leeway = 10},
    };
    char words[GW_BACKEND_WORDS_MAX] = "";
    for (size_t i = 0; i < GW_COUNT_OF(rules); i++) {
        struct gw_warrant warrant;
        gw_warrant_init(&warrant);
        enum gw_status matched = gw_jwt_match(token, &rules[i], words);
        FUZZ_CHECK(matched == GW_OK || matched == GW_NOT_FOUND);
        enum gw_status status = gw_jwt_judge(token, &rules[i], 1300819000, &warrant, words);
        FUZZ_CHECK(status == GW_OK || status == GW_REFUSED || status == GW_LIMIT);
        FUZZ_CHECK(status == GW_OK || strlen(words) > 0);
        if (status == GW_OK) {
            FUZZ_CHECK(warrant.user.size > 0 && warrant.expires > 1300819000);
            FUZZ_CHECK(gw_utf8_check(gw_buf_span(&warrant.user)) == GW_UTF8_VALID);
        }
        (void)gw_warrant_has_attribute(gw_buf_span(&warrant.attributes), GW_SPAN_LIT("claim.x"),
                                       GW_SPAN_LIT("1"));
        gw_warrant_fini(&warrant);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char words[GW_BACKEND_WORDS_MAX] = "";
    struct gw_jwt token;
    uint8_t *text = fuzz_copy(gw_span_of(data, size));
    if (size <= FUZZ_INPUT_MAX) {
        enum gw_status status = gw_jwt_open(&token, gw_span_of(text, size), words);
        FUZZ_CHECK(status == GW_OK || status == GW_MALFORMED || status == GW_LIMIT);
        FUZZ_CHECK((status == GW_OK) == (words[0] == '\0'));
        if (status == GW_OK) {
            FUZZ_CHECK(token.algorithm < GW_JWALG_COUNT);
            judge(&token);
            gw_jwt_fini(&token);
        }
    }
    free(text);
    return 0;
}

/* cli/context: whatever stands in a context, what was read can be written and read again. */
#include "fuzz.h"

#include "cli/context.h"

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void check_again(const struct gw_context *context)
{
    struct gw_context again;
    struct gw_context_error error;
    struct gw_buf text;
    gw_buf_init(&text, GW_CONTEXT_SIZE_MAX * 8);
    FUZZ_CHECK(gw_context_print(context, &text) == GW_OK);
    FUZZ_CHECK(gw_context_parse(gw_buf_span(&text), &again, &error) == GW_OK);
    FUZZ_CHECK(same(context->url, again.url) && same(context->user, again.user));
    FUZZ_CHECK(same(context->password, again.password) && same(context->ca, again.ca));
    FUZZ_CHECK(same(context->cert, again.cert) && same(context->key, again.key));
    FUZZ_CHECK(same(context->password_file, again.password_file));
    gw_context_fini(&again);
    gw_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_context context;
    struct gw_context_error error;
    uint8_t *text = fuzz_copy(gw_span_of(data, size));
    if (size <= FUZZ_INPUT_MAX) {
        enum gw_status status = gw_context_parse(gw_span_of(text, size), &context, &error);
        FUZZ_CHECK(status == GW_OK || status == GW_INVALID);
        FUZZ_CHECK((status == GW_OK) == (context.url != NULL));
        FUZZ_CHECK(status == GW_OK || (error.line >= 1 && error.what[0] != '\0'));
        if (status == GW_OK)
            check_again(&context);
        gw_context_fini(&context);
    }
    free(text);
    return 0;
}

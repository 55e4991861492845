#include "auth/method.h"

/* ECHO: sends the peer's data back once and is content with whatever comes then. It proves nothing
 * about the peer; it is there so that client authors can try their AUTH code (debug.auth_echo). */
struct echo_state {
    bool asked;
};

static enum gw_method_outcome echo_step(void *state, struct gw_span data, struct gw_buf *ret_data)
{
    struct echo_state *echo = state;
    if (gw_buf_append(ret_data, data) != GW_OK)
        return GW_METHOD_FAILED;
    if (echo->asked)
        return gw_span_equal(data, GW_SPAN_LIT("fail")) ? GW_METHOD_FAILED : GW_METHOD_DONE;
    echo->asked = true;
    return GW_METHOD_CONTINUE;
}

static const struct gw_method echo = {"ECHO", sizeof(struct echo_state), echo_step, NULL};

const struct gw_method *gw_method_find(const struct gw_method_set *set, struct gw_span name)
{
    if (set->echo && gw_span_equal(name, gw_span_str(echo.name)))
        return &echo;
    return NULL;
}

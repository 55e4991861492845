/* cli/jsonin: what is taken comes out as JSON that, taken again, comes out the same. */
#include "fuzz.h"

#include "cli/jsonin.h"

static enum gw_status copy(struct gw_span text, struct gw_buf *buf)
{
    struct gw_jsonout out;
    gw_jsonout_init(&out, buf, false);
    return gw_jsonin_copy(text, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_buf once, twice;
    uint8_t *text = fuzz_copy(gw_span_of(data, size));
    gw_buf_init(&once, 1 << 20);
    gw_buf_init(&twice, 1 << 20);
    if (size <= FUZZ_INPUT_MAX && copy(gw_span_of(text, size), &once) == GW_OK) {
        FUZZ_CHECK(copy(gw_buf_span(&once), &twice) == GW_OK);
        FUZZ_CHECK(gw_span_equal(gw_buf_span(&once), gw_buf_span(&twice)));
    }
    gw_buf_fini(&once);
    gw_buf_fini(&twice);
    free(text);
    return 0;
}

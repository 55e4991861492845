/* net/httphead and net/wshead: any bytes for a request: the end is found however they come, what
 * is read lies within them, and what is refused is refused in words that fit an answer. */
#include "fuzz.h"

#include "net/wshead.h"

static void check_within(struct gw_span whole, struct gw_span part)
{
    FUZZ_CHECK(part.size == 0 ||
               (part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

static void check_refusal(const struct gw_wshead_fault *fault, const struct gw_wshead_rules *rules)
{
    char answer[GW_WSHEAD_ANSWER_MAX];
    char status[32];
    FUZZ_CHECK(fault->what != NULL && fault->http_status >= 400);
    size_t size = gw_wshead_put_refusal(answer, fault, rules);
    FUZZ_CHECK(size == strlen(answer));
    snprintf(status, sizeof status, "HTTP/1.1 %u ", fault->http_status);
    FUZZ_CHECK(strncmp(answer, status, strlen(status)) == 0);
}

static void judge(struct gw_span head, const struct gw_wshead_rules *rules)
{
    struct gw_wshead_request request;
    struct gw_wshead_fault fault = {0};
    enum gw_status status = gw_wshead_read(head, &request, &fault);
    if (status == GW_OK) {
        check_within(head, request.method);
        if (!gw_span_equal(request.path, GW_SPAN_LIT("/"))) /* what is meant by none */
            check_within(head, request.path);
        check_within(head, request.host);
        check_within(head, request.origin);
        check_within(head, request.key);
        check_within(head, request.ws_version);
        status = gw_wshead_judge(&request, rules, &fault);
        FUZZ_CHECK(status == GW_OK || status == GW_REFUSED);
    } else {
        FUZZ_CHECK(status == GW_MALFORMED);
    }
    if (status != GW_OK) {
        check_refusal(&fault, rules);
        return;
    }
    FUZZ_CHECK(gw_span_equal(request.path, rules->path) && request.key.size == GW_WSHEAD_KEY_SIZE);
    FUZZ_CHECK(gw_span_equal(request.protocol, GW_SPAN_LIT("mqtt")) ||
               gw_span_equal(request.protocol, GW_SPAN_LIT("mqttv3.1")));
    FUZZ_CHECK(request.origin.data == NULL || rules->origins.size > 0 ||
               request.origin.size > request.host.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const origins[] = {"", "", "*", "https://a.example, http://localhost:1"};
    struct gw_span input = gw_span_of(data, size);
    size_t scanned = 0, end = 0, end_cut = 0;
    uint8_t choice = fuzz_u8(&input);
    struct gw_wshead_rules rules = {.path = GW_SPAN_LIT("/mqtt"),
                                    .origins = gw_span_str(origins[choice & 3]),
                                    .names_refused = (choice & 4) != 0};
    uint8_t *copy = fuzz_copy(input);
    struct gw_span bytes = gw_span_of(copy, input.size);
    enum gw_status status = gw_httphead_end(bytes, &scanned, &end);
    enum gw_status cut = GW_MORE;
    scanned = 0;
    for (size_t at = 1; at <= bytes.size && cut == GW_MORE; at += 1 + (choice >> 3))
        cut = gw_httphead_end(gw_span_of(bytes.data, at), &scanned, &end_cut);
    if (cut == GW_MORE && bytes.size > 0)
        cut = gw_httphead_end(bytes, &scanned, &end_cut);
    FUZZ_CHECK(status == cut && end == end_cut && end <= bytes.size);
    if (status == GW_OK)
        judge(gw_span_of(bytes.data, end), &rules);
    struct gw_wshead_fault other = gw_wshead_other(bytes);
    if (other.what)
        check_refusal(&other, &rules);
    free(copy);
    return 0;
}

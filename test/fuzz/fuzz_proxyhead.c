/* net/proxyhead: any bytes in front of a connection: cut anywhere the answer is "more" until it is
 * the answer of the whole, what is read lies within the header, and an address has its text. */
#include "fuzz.h"

#include "base/utf8.h"
#include "net/proxyhead.h"

static void check_text(struct gw_span whole, struct gw_span text)
{
    FUZZ_CHECK(text.size == 0 ||
               (text.data >= whole.data && text.data + text.size <= whole.data + whole.size));
    FUZZ_CHECK(gw_utf8_check(text) == GW_UTF8_VALID);
}

static void check_head(struct gw_span whole, const struct gw_proxyhead *head)
{
    char text[GW_ADDRESS_TEXT_MAX];
    check_text(whole, head->tls_version);
    check_text(whole, head->cipher);
    check_text(whole, head->common_name);
    check_text(whole, head->authority);
    FUZZ_CHECK(head->tls || !head->verified);
    FUZZ_CHECK(head->known || head->address.size == 0);
    FUZZ_CHECK((gw_address_text(&head->address, text)[0] == 0) == (head->address.size == 0));
    FUZZ_CHECK(gw_address_host(&head->address).size <= 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_proxyhead head, cut_head;
    size_t taken = 0, cut_taken = 0, step = 1 + size / 64;
    const char *what = NULL, *cut_what = NULL;
    uint8_t *copy = fuzz_copy(gw_span_of(data, size));
    struct gw_span bytes = gw_span_of(copy, size);
    enum gw_status status = gw_proxyhead_read(bytes, &head, &taken, &what);
    FUZZ_CHECK(status == GW_OK || status == GW_MORE || status == GW_MALFORMED);
    FUZZ_CHECK((status == GW_MALFORMED) == (what != NULL));
    FUZZ_CHECK(status != GW_MORE || size < GW_PROXYHEAD_SIZE_MAX);
    if (status == GW_OK) {
        FUZZ_CHECK(taken > 0 && taken <= size && taken <= GW_PROXYHEAD_SIZE_MAX);
        check_head(gw_span_of(copy, taken), &head);
    }
    size_t end = status == GW_OK ? taken : size;
    for (size_t at = 0; at < end; at += step) {
        enum gw_status cut =
            gw_proxyhead_read(gw_span_of(copy, at), &cut_head, &cut_taken, &cut_what);
        FUZZ_CHECK(cut == GW_MORE || (cut == GW_MALFORMED && status == GW_MALFORMED));
    }
    free(copy);
    return 0;
}

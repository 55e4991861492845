#include "module/curl/curlask.h"

struct sink {
    struct gw_buf *body;
    size_t size_max;
    enum gw_status status;
};

static size_t on_bytes(char *bytes, size_t one, size_t count, void *user)
{
    struct sink *sink = user;
    if (one * count > sink->size_max - sink->body->size)
        sink->status = GW_LIMIT;
    else
        sink->status = gw_buf_append(sink->body, gw_span_of(bytes, one * count));
    return sink->status == GW_OK ? one * count : 0; /* anything else ends it */
}

/* What each option came to; the first that failed counts. */
static CURLcode set_up(CURL *curl, const struct gw_curlask *ask, struct sink *sink, char *why)
{
    const CURLcode codes[] = {
        curl_easy_setopt(curl, CURLOPT_URL, ask->what.url),
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http"),
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"),
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L),
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ask->what.timeout_ms),
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why),
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes),
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink),
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "godwit/" GW_VERSION_TEXT),
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, ask->headers),
        ask->what.ca_file ? curl_easy_setopt(curl, CURLOPT_CAINFO, ask->what.ca_file) : CURLE_OK,
        ask->what.ca_file ? curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) : CURLE_OK,
    };
    for (size_t i = 0; i < GW_COUNT_OF(codes); i++)
        if (codes[i] != CURLE_OK)
            return codes[i];
    if (!ask->body.data)
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body.data);
    return code != CURLE_OK ? code
                            : curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)ask->body.size);
}

enum gw_status gw_curlask_run(CURL *curl, const struct gw_curlask *ask, long *ret_status,
                              struct gw_buf *ret_body, char ret_words[GW_BACKEND_WORDS_MAX])
{
    struct sink sink = {ret_body, ask->what.size_max, GW_OK};
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_reset(curl); /* connections stay */
    CURLcode code = set_up(curl, ask, &sink, why);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    /* Nothing of ours is to be used once we are gone. */
    curl_easy_reset(curl);
    if (code == CURLE_OK)
        return GW_OK;
    if (sink.status == GW_LIMIT)
        gw_backend_say(ret_words, "the answer is larger than %zu bytes", ask->what.size_max);
    else
        gw_backend_say(ret_words, "%s", why[0] ? why : curl_easy_strerror(code));
    return sink.status != GW_OK               ? sink.status
           : code == CURLE_OUT_OF_MEMORY      ? GW_NO_MEMORY
           : code == CURLE_OPERATION_TIMEDOUT ? GW_TIMEOUT
                                              : GW_CLOSED;
}

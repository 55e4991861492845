#include "auth/loadable.h"
#include "module/curl/curlask.h"
#include "module/curl/webhook.h"

static enum gw_status fetch(void *ctx, const struct gw_backend_fetch *what, struct gw_buf *ret_body,
                            char ret_words[GW_BACKEND_WORDS_MAX])
{
    const struct gw_curlask ask = {.what = *what};
    long code = 0;
    (void)ctx;
    CURL *curl = curl_easy_init();
    if (!curl) {
        gw_backend_say(ret_words, "out of memory");
        return GW_NO_MEMORY;
    }
    enum gw_status status = gw_curlask_run(curl, &ask, &code, ret_body, ret_words);
    curl_easy_cleanup(curl);
    if (status != GW_OK || code == 200)
        return status;
    gw_backend_say(ret_words, "the server answers with HTTP status %ld", code);
    return GW_NOT_FOUND;
}

static const struct gw_backend_ops *const backends[] = {&gw_webhook_ops, NULL};

static const struct gw_loadable loadable = {
    .version = GW_VERSION_TEXT,
    .backends = backends,
    .fetch = fetch,
};

const struct gw_loadable *gw_loadable(void)
{
    /* Once: the loader asks once, before anything of this is used. */
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? &loadable : NULL;
}

#include "module/curl/webhook.h"

#include <stdlib.h>

#include "auth/password.h"
#include "base/jsontree.h"
#include "base/utf8.h"
#include "module/curl/curlask.h"

#define QUESTION_MAX   ((size_t)2 * 1024 * 1024)
#define NAMES_ROOM     ((size_t)128)
#define LONGEST_ESCAPE 6u
#define TIMEOUT_MS     5000u

struct webhook {
    char *url;
    char *ca_file; /* NULL: whom the system trusts */
    struct curl_slist *headers;
    uint32_t timeout_ms;
};

struct worker {
    const struct webhook *webhook;
    CURL *curl;
};

/* -- the question -- */

static enum gw_status put(struct gw_buf *out, const char *text)
{
    return gw_buf_append(out, gw_span_str(text));
}

static enum gw_status put_text(struct gw_buf *out, const char *key, struct gw_span text)
{
    GW_TRY(gw_buf_printf(out, "%s\"%s\":\"", out->size > 1 ? "," : "", key));
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\')
            GW_TRY(gw_buf_printf(out, "\\%c", c));
        else if (c < 0x20 || c == 0x7f)
            GW_TRY(gw_buf_printf(out, "\\u%04x", c));
        else
            GW_TRY(gw_buf_append(out, gw_span_of(&c, 1)));
    }
    return put(out, "\"");
}

enum gw_status gw_webhook_question(const struct gw_backend_login *login, struct gw_buf *out)
{
    if (gw_utf8_check(login->password) != GW_UTF8_VALID ||
        gw_utf8_check(login->user) != GW_UTF8_VALID ||
        gw_utf8_check(login->client_id) != GW_UTF8_VALID)
        return GW_MALFORMED;
    /* At once: what grows leaves copies of the password behind. */
    GW_TRY(gw_buf_reserve(out, NAMES_ROOM +
                                   LONGEST_ESCAPE * (login->user.size + login->password.size +
                                                     login->client_id.size + login->address.size +
                                                     login->listener.size)));
    GW_TRY(put(out, "{"));
    GW_TRY(put_text(out, "username", login->user));
    GW_TRY(put_text(out, "password", login->password));
    GW_TRY(put_text(out, "client_id", login->client_id));
    GW_TRY(put_text(out, "address", login->address));
    GW_TRY(put_text(out, "listener", login->listener));
    return put(out, "}");
}

/* -- the answer -- */

static enum gw_backend_answer trouble(struct gw_backend_reply *reply, const char *words)
{
    gw_backend_say(reply->words, "%s", words);
    return GW_BACKEND_TROUBLE;
}

/* Takes what a yes says besides; returns what is wrong with it, NULL if nothing is. */
static const char *take_user(const struct gw_jsontree_node *user, struct gw_warrant *warrant)
{
    if (!user || user->type == GW_JSONTREE_NULL)
        return NULL;
    if (user->type != GW_JSONTREE_TEXT || user->text.size == 0)
        return "\"user\" in the answer is no text";
    return gw_buf_append(&warrant->user, user->text) == GW_OK
               ? NULL
               : "\"user\" in the answer is too long";
}

static const char *take_groups(const struct gw_jsontree *tree,
                               const struct gw_jsontree_node *groups, struct gw_warrant *warrant)
{
    if (!groups || groups->type == GW_JSONTREE_NULL)
        return NULL;
    if (groups->type != GW_JSONTREE_ARRAY)
        return "\"groups\" in the answer is no list";
    for (const struct gw_jsontree_node *group = gw_jsontree_first(tree, groups); group;
         group = gw_jsontree_next(tree, group))
        if (group->type != GW_JSONTREE_TEXT || gw_warrant_add_group(warrant, group->text) != GW_OK)
            return "\"groups\" in the answer has one that cannot be a group";
    return NULL;
}

static const char *take_expiry(const struct gw_jsontree_node *expires, struct gw_warrant *warrant)
{
    if (!expires || expires->type == GW_JSONTREE_NULL)
        return NULL;
    if (expires->type != GW_JSONTREE_NUMBER || expires->number == 0)
        return "\"expires\" in the answer is no time in whole seconds since 1970";
    warrant->expires = expires->number;
    return NULL;
}

static enum gw_backend_answer judge(const struct gw_jsontree *tree, struct gw_backend_reply *reply)
{
    const struct gw_jsontree_node *root = &tree->nodes[0];
    const struct gw_jsontree_node *result = gw_jsontree_member(tree, root, "result");
    const char *wrong = NULL;
    if (!result || result->type != GW_JSONTREE_TEXT || gw_jsontree_has_twins(tree, root))
        return trouble(reply, "the answer is no object with one \"result\"");
    if (gw_span_equal(result->text, GW_SPAN_LIT("deny")))
        return GW_BACKEND_NO;
    if (gw_span_equal(result->text, GW_SPAN_LIT("ignore")))
        return GW_BACKEND_UNKNOWN;
    if (!gw_span_equal(result->text, GW_SPAN_LIT("allow")))
        return trouble(reply, "\"result\" in the answer is not allow, deny or ignore");
    wrong = take_user(gw_jsontree_member(tree, root, "user"), &reply->warrant);
    if (!wrong)
        wrong = take_groups(tree, gw_jsontree_member(tree, root, "groups"), &reply->warrant);
    if (!wrong)
        wrong = take_expiry(gw_jsontree_member(tree, root, "expires"), &reply->warrant);
    return wrong ? trouble(reply, wrong) : GW_BACKEND_YES;
}

enum gw_backend_answer gw_webhook_answer(uint8_t *text, size_t size, struct gw_backend_reply *reply)
{
    struct gw_jsontree tree;
    enum gw_backend_answer answer;
    gw_jsontree_init(&tree);
    enum gw_status status = size > 0 ? gw_jsontree_parse(&tree, text, size) : GW_MALFORMED;
    answer = status == GW_OK          ? judge(&tree, reply)
             : status == GW_NO_MEMORY ? trouble(reply, "out of memory")
                                      : trouble(reply, "the answer is not JSON");
    gw_jsontree_fini(&tree);
    return answer;
}

/* -- the backend -- */

static void close_backend(void *backend)
{
    struct webhook *webhook = backend;
    curl_slist_free_all(webhook->headers);
    free(webhook->url);
    free(webhook->ca_file);
    free(webhook);
}

static enum gw_status add_header(struct webhook *webhook, const char *text)
{
    struct curl_slist *headers = curl_slist_append(webhook->headers, text);
    if (!headers)
        return GW_NO_MEMORY;
    webhook->headers = headers;
    return GW_OK;
}

static enum gw_status fill(struct webhook *webhook, const struct gw_backend_settings *settings)
{
    const char *ca_file = gw_backend_setting(settings, "ca_file", NULL);
    const char *header = gw_backend_setting(settings, "header_file", NULL);
    webhook->url = gw_span_dup(gw_span_str(gw_backend_setting(settings, "url", "")));
    webhook->ca_file = ca_file ? gw_span_dup(gw_span_str(ca_file)) : NULL;
    webhook->timeout_ms = gw_backend_setting_ms(settings, "timeout", TIMEOUT_MS);
    if (!webhook->url || (ca_file && !webhook->ca_file))
        return GW_NO_MEMORY;
    GW_TRY(add_header(webhook, "Content-Type: application/json"));
    GW_TRY(add_header(webhook, "Expect:")); /* no second round trip for long ones */
    return header ? add_header(webhook, header) : GW_OK;
}

static enum gw_status open_backend(const struct gw_backend_settings *settings,
                                   const struct gw_backend_host *host, void **ret_backend,
                                   char ret_words[GW_BACKEND_WORDS_MAX])
{
    const char *url = gw_backend_setting(settings, "url", "");
    const char *header = gw_backend_setting(settings, "header_file", NULL);
    (void)host;
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) {
        gw_backend_say(ret_words, "url must begin with https:// or http://");
        return GW_INVALID;
    }
    if (url[4] == ':' && !gw_backend_is_near(url)) {
        gw_backend_say(ret_words, "url must begin with https://: passwords go there, and whoever "
                                  "is on the way could answer; http:// is for this machine");
        return GW_INVALID;
    }
    if (header && (!strchr(header, ':') || strpbrk(header, "\r\n"))) {
        gw_backend_say(ret_words, "header_file holds no header: one line as \"Name: value\"");
        return GW_INVALID;
    }
    struct webhook *webhook = calloc(1, sizeof(*webhook));
    if (!webhook)
        return GW_NO_MEMORY;
    enum gw_status status = fill(webhook, settings);
    if (status != GW_OK) {
        close_backend(webhook);
        return status;
    }
    *ret_backend = webhook;
    return GW_OK;
}

static void *enter(void *backend)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return NULL;
    worker->webhook = backend;
    worker->curl = curl_easy_init();
    if (worker->curl)
        return worker;
    free(worker);
    return NULL;
}

static void leave(void *user)
{
    struct worker *worker = user;
    curl_easy_cleanup(worker->curl);
    free(worker);
}

static enum gw_backend_answer exchange(const struct worker *worker, struct gw_span question,
                                       struct gw_buf *body, struct gw_backend_reply *reply)
{
    const struct webhook *webhook = worker->webhook;
    const struct gw_curlask ask = {
        .what = {.url = webhook->url,
                 .ca_file = webhook->ca_file,
                 .size_max = GW_WEBHOOK_ANSWER_MAX,
                 .timeout_ms = webhook->timeout_ms},
        .headers = webhook->headers,
        .body = question,
    };
    long status = 0;
    if (gw_curlask_run(worker->curl, &ask, &status, body, reply->words) != GW_OK)
        return GW_BACKEND_TROUBLE;
    if (status == 200)
        return gw_webhook_answer(body->data, body->size, reply);
    gw_backend_say(reply->words, "it answers with HTTP status %ld", status);
    return GW_BACKEND_TROUBLE;
}

static enum gw_backend_answer ask(void *user, const struct gw_backend_login *login,
                                  struct gw_backend_reply *reply)
{
    enum gw_backend_answer answer;
    struct gw_buf question, body;
    gw_buf_init(&question, QUESTION_MAX);
    gw_buf_init(&body, GW_WEBHOOK_ANSWER_MAX);
    switch (gw_webhook_question(login, &question)) {
    case GW_OK: answer = exchange(user, gw_buf_span(&question), &body, reply); break;
    case GW_MALFORMED:
        gw_backend_say(reply->words, "the password is no text, so the service was not asked");
        answer = GW_BACKEND_NO;
        break;
    default: answer = trouble(reply, "out of memory"); break;
    }
    gw_password_drop(&question);
    gw_buf_fini(&body);
    return answer;
}

const struct gw_backend_ops gw_webhook_ops = {
    .kind = "http",
    .open = open_backend,
    .close = close_backend,
    .enter = enter,
    .leave = leave,
    .ask = ask,
};

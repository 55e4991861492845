#include "config/confprint.h"

#include <stdarg.h>
#include <stdio.h>

#include "config/confauth.h"
#include "config/confname.h"
#include "config/confreport.h"
#include "config/confvalue.h"

#define COMMENT_COLUMN 48
#define FORMAT_MAX     1024

static enum gw_status put(struct gw_buf *out, const char *text)
{
    return gw_buf_append(out, gw_span_str(text));
}

GW_PRINTF(2, 3) static enum gw_status putf(struct gw_buf *out, const char *format, ...)
{
    char text[FORMAT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return put(out, text);
}

static enum gw_status indent(struct gw_buf *out, uint32_t depth)
{
    return putf(out, "%*s", (int)depth * 2, "");
}

/* Pads the last line of the buffer to a column. */
static enum gw_status pad(struct gw_buf *out, size_t column)
{
    size_t length = 0;

    while (length < out->size && out->data[out->size - length - 1] != '\n')
        length++;
    return putf(out, "%*s", length < column ? (int)(column - length) : 1, "");
}

/* The parts of a name and how many the one before it has in common with it. */
static uint32_t common_parts(const char *before, const char *name)
{
    uint32_t parts = 0;

    for (size_t i = 0; before[i] != '\0' && before[i] == name[i]; i++)
        parts += before[i] == '.';
    return parts;
}

/* Opens the groups of a key that the key before it was not in; *ret_depth is the key's own. */
static enum gw_status open_groups(const char *before, const char *name, struct gw_buf *out,
                                  const char **ret_last, uint32_t *ret_depth)
{
    uint32_t common = common_parts(before, name);
    uint32_t depth = 0;
    const char *dot;

    for (; (dot = strchr(name, '.')) != NULL; name = dot + 1) {
        if (depth >= common) {
            GW_TRY(depth == 0 ? put(out, "\n") : GW_OK);
            GW_TRY(indent(out, depth));
            GW_TRY(putf(out, "%.*s:\n", (int)(dot - name), name));
        }
        depth++;
    }
    *ret_last = name;
    *ret_depth = depth;
    return GW_OK;
}

enum gw_status gw_confprint_origin(const struct gw_config *config, const struct gw_config_key *key,
                                   struct gw_buf *out)
{
    const struct gw_config_origin *origin = gw_config_origin(config, key);

    switch (origin->source) {
    case GW_CONFIG_FROM_FILE:
        GW_TRY(put(out, config->path != NULL ? config->path : "file"));
        return putf(out, ":%u", origin->line);
    case GW_CONFIG_FROM_ENV: return put(out, "environment");
    case GW_CONFIG_FROM_COMMAND: return put(out, "command line");
    case GW_CONFIG_FROM_DEFAULT: break;
    }
    return put(out, "default");
}

/* Where a value came from, as a comment; a path may hold anything but must not end the comment. */
static enum gw_status put_origin(const struct gw_config *config, const struct gw_config_key *key,
                                 struct gw_buf *out)
{
    size_t begin;

    GW_TRY(pad(out, COMMENT_COLUMN));
    begin = out->size;
    GW_TRY(put(out, "# "));
    GW_TRY(gw_confprint_origin(config, key, out));
    for (size_t i = begin; i < out->size; i++) {
        if (out->data[i] < 0x20 || out->data[i] == 0x7F)
            out->data[i] = '?';
    }
    return put(out, "\n");
}

/* The items of a list, each on its line. */
static enum gw_status put_items(const struct gw_config *config, const struct gw_config_key *key,
                                uint32_t depth, struct gw_buf *out)
{
    size_t count = gw_confvalue_item_count(config, key);

    for (size_t i = 0; i < count; i++) {
        GW_TRY(indent(out, depth + 1));
        GW_TRY(put(out, "- "));
        GW_TRY(gw_confvalue_print_item(config, key, i, out));
        GW_TRY(put(out, "\n"));
    }
    return GW_OK;
}

/* "name: value" with what stands behind it, and the items of a list below it. */
static enum gw_status put_value(const struct gw_config *config, const struct gw_config_key *key,
                                const char *last, uint32_t depth, bool with_origin,
                                struct gw_buf *out)
{
    bool is_list = gw_confvalue_is_list(key->kind) && gw_confvalue_item_count(config, key) > 0;

    GW_TRY(indent(out, depth));
    GW_TRY(putf(out, is_list ? "%s:" : "%s: ", last));
    GW_TRY(is_list ? GW_OK : gw_confvalue_print(config, key, out));
    GW_TRY(with_origin ? put_origin(config, key, out) : put(out, "\n"));
    return is_list ? put_items(config, key, depth, out) : GW_OK;
}

/* One key with its value; `before` is the name of the key printed before it. */
static enum gw_status put_key(const struct gw_config *config, const struct gw_config_key *key,
                              const char *before, struct gw_buf *out)
{
    const char *last;
    uint32_t depth;

    GW_TRY(open_groups(before, key->name, out, &last, &depth));
    return put_value(config, key, last, depth, true, out);
}

static enum gw_status print_values(const struct gw_config *config, const struct gw_config *without,
                                   struct gw_buf *out)
{
    const char *before = "";

    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];

        if (without != NULL && gw_config_equal(config, without, key))
            continue;
        GW_TRY(put_key(config, key, before, out));
        before = key->name;
    }
    return GW_OK;
}

enum gw_status gw_confprint_effective(const struct gw_config *config, struct gw_buf *out)
{
    return print_values(config, NULL, out);
}

enum gw_status gw_confprint_changed(const struct gw_config *config, struct gw_buf *out)
{
    struct gw_config defaults;
    enum gw_status status;

    GW_TRY(gw_config_init_defaults(&defaults));
    status = print_values(config, &defaults, out);
    gw_config_fini(&defaults);
    return status;
}

static const char *reload_text(enum gw_config_reload reload)
{
    return reload == GW_CONFIG_LIVE  ? "at once"
           : reload == GW_CONFIG_NEW ? "new connections"
                                     : "restart";
}

/* "choice: a, b or c", "size, as 64KiB; 1KiB to 1TiB". */
static enum gw_status put_takes(const struct gw_config_key *key, struct gw_buf *out)
{
    size_t count;
    const char *const *words = gw_confvalue_words(key->kind, &count);

    for (size_t i = 0; i < count; i++)
        GW_TRY(putf(out, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]));
    if (count == 0)
        GW_TRY(put(out, gw_confvalue_kind_text(key->kind)));
    if (key->min[0] != '\0')
        GW_TRY(putf(out, "; %s to %s", key->min, key->max));
    return GW_OK;
}

static enum gw_status put_default(const struct gw_config *defaults, const struct gw_config_key *key,
                                  const char *before, struct gw_buf *out)
{
    const char *last;
    uint32_t depth;

    GW_TRY(open_groups(before, key->name, out, &last, &depth));
    GW_TRY(indent(out, depth));
    GW_TRY(putf(out, "# %s\n", key->help));
    GW_TRY(indent(out, depth));
    GW_TRY(put(out, "# ("));
    GW_TRY(put_takes(key, out));
    GW_TRY(putf(out, "; reload: %s)\n", reload_text(key->reload)));
    return put_value(defaults, key, last, depth, false, out);
}

enum gw_status gw_confprint_defaults(struct gw_buf *out)
{
    struct gw_config config;
    const char *before = "";
    enum gw_status status;

    GW_TRY(gw_config_init_defaults(&config));
    status = put(out, "# godwit's defaults; delete what you do not change.\n\n");
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT && status == GW_OK; i++) {
        status = put_default(&config, &gw_config_keys[i], before, out);
        before = gw_config_keys[i].name;
    }
    gw_config_fini(&config);
    return status;
}

static const char reference_head[] =
    "<!-- Generated by `godwit config reference` from src/config/config.def: do not edit. -->\n"
    "# Configuration keys\n"
    "\n"
    "`godwit serve -c FILE` reads a YAML file. Every key has a default, so a file holds only what\n"
    "differs. A key that is unknown, stands twice or has a value out of its bounds is an error, "
    "and\n"
    "all errors are told at once; `godwit check config FILE` tells them without starting "
    "anything.\n"
    "\n"
    "Where a value comes from, the first that has one: the command line\n"
    "(`--set limits.packet=4MB`), the environment (`GODWIT__LIMITS__PACKET=4MB`), the file, the\n"
    "default. `godwit config show` prints every value with its origin.\n"
    "\n"
    "**Units** are written out: sizes `64KiB` (1024), `2MB` (1000 times 1000), or plain bytes; "
    "times\n"
    "`100ms`, `30s`, `1h30m`, `7d`, `never`; numbers `500`, `50k`, `100_000`. `${NAME}` in a "
    "value\n"
    "stands for an environment variable, `$${` for a plain `${`.\n"
    "\n"
    "**Reload** (SIGHUP) takes the whole file or nothing of it. *at once*: the new value holds "
    "for\n"
    "everybody; *new connections*: for those who connect afterwards; *restart*: the old value "
    "stays\n"
    "until the broker is started again, and the log says so.\n"
    "\n"
    "**Listeners** are `mqtt://ADDRESS[:PORT]`, or `mqtts://` for [TLS](../how-to/tls.md) (port\n"
    "8883), with a numeric address, `[IPv6]` in brackets, `*` "
    "for\n"
    "all addresses, or `localhost` for 127.0.0.1 and ::1; port 0 takes any free one. Clients "
    "without\n"
    "a name are let in on loopback. Beyond it they are refused unless the listener says\n"
    "`anonymous: insecure`. `ws://ADDRESS[:PORT][/PATH]` takes "
    "[WebSockets](../how-to/websocket.md):\n"
    "port 8083 and path `/mqtt` if none are written, and `origins` names the pages that may "
    "connect;\n"
    "`wss://` is the same over TLS, port 8084. `tls: {...}` at a listener says what is to differ\n"
    "from the section `tls` there. `unix:///PATH` is a [Unix socket](../how-to/unix-sockets.md), "
    "with\n"
    "`mode`, `group` and `peer_identity`. Behind a [proxy](../how-to/behind-a-proxy.md) a listener "
    "has\n"
    "`proxy_protocol: true` and `trusted_proxies`.\n"
    "\n"
    "```yaml\n"
    "listeners:\n"
    "  - mqtt://127.0.0.1:1883\n"
    "  - {url: \"mqtt://10.0.0.5:1883\", anonymous: insecure}\n"
    "  - {url: \"ws://127.0.0.1:8083\", origins: [\"https://app.example\"]}\n"
    "  - {url: \"unix:///run/godwit/mqtt.sock\", mode: \"0660\", group: mqtt}\n"
    "limits:\n"
    "  packet: 16MB\n"
    "  queue: {messages: 5000, bytes: 8MB, policy: drop_oldest}\n"
    "```\n"
    "\n"
    "**Users** stand in the files that `auth` names, as `godwit passwd` or mosquitto_passwd write\n"
    "them, or are known to others that `auth` names ([all kinds](#entries-of-auth)). They are "
    "asked\n"
    "in the order in which they stand, and the first that knows a name decides. With `auth`, "
    "whoever\n"
    "gives a user name must prove it, and who gives none is let in only where the listener has\n"
    "`anonymous: true`. The files are watched. More: [users](../how-to/users.md), [the format of\n"
    "user files](user-file.md).\n"
    "\n"
    "```yaml\n"
    "listeners:\n"
    "  - mqtt://10.0.0.5:1883\n"
    "auth:\n"
    "  - file: /etc/godwit/users\n"
    "  - http: {url: \"https://login.example/mqtt\", timeout: 2s}\n"
    "```\n"
    "\n"
    "**Durability rules** are read from above, and the first whose filter matches the topic of a\n"
    "message says its class; without one it is `store.durability`. What the classes promise:\n"
    "[durability](../explanation/durability.md).\n"
    "\n"
    "```yaml\n"
    "store:\n"
    "  path: /var/lib/godwit\n"
    "  durability_rules:\n"
    "    - {filter: \"orders/#\", class: disk}\n"
    "    - {filter: \"+/telemetry/#\", class: memory}\n"
    "```\n"
    "\n"
    "**Access rules** are read from above, and the first that is for the client, the action and "
    "the\n"
    "topic decides; if none is, the answer is no. Without `access` and `access_file` everything "
    "is\n"
    "allowed but writing `$SYS`; where `auth` names users, nothing is. A rule has `allow` or "
    "`deny` (`pub`, `sub` or `pubsub`) and what\n"
    "it is for: `topic` (a filter; `%u` is the user, `%c` the client identifier), `user`, "
    "`group`,\n"
    "`client_id`, `address` (`10.0.0.0/8`), `anonymous: true`, `qos` (no more than that), "
    "`retain`\n"
    "(`true` or `false`). How to write them: [access](../how-to/access.md).\n"
    "\n"
    "```yaml\n"
    "access:\n"
    "  - {allow: pubsub, user: admin, topic: \"#\"}\n"
    "  - {allow: pub, topic: \"devices/%c/#\"}\n"
    "  - {allow: sub, group: dashboards, topic: \"devices/+/state\"}\n"
    "```\n";

static enum gw_status put_row(const struct gw_config_key *key, struct gw_buf *out)
{
    const char *value = key->kind == GW_CONFIG_LISTENERS ? "port 1883 of loopback"
                        : key->kind == GW_CONFIG_ACCESS  ? "everything is allowed"
                                                         : key->value;

    GW_TRY(putf(out, "| `%s` | ", key->name));
    if (value[0] != '\0')
        GW_TRY(putf(out, value == key->value ? "`%s`" : "%s", value));
    else
        GW_TRY(put(out, "(empty)"));
    GW_TRY(put(out, " | "));
    GW_TRY(put_takes(key, out));
    return putf(out, " | %s | %s |\n", reload_text(key->reload), key->help);
}

/* The first part of a name: the chapter it stands in; "" for the keys at the root. */
static struct gw_span chapter_of(const struct gw_config_key *key)
{
    const char *dot = strchr(key->name, '.');

    return gw_span_of(key->name, dot != NULL ? (size_t)(dot - key->name) : 0);
}

static enum gw_status put_codes(struct gw_buf *out)
{
    GW_TRY(put(out, "\n## Error codes\n\n| code | meaning |\n|---|---|\n"));
#define X(name, number, help) GW_TRY(putf(out, "| C%d | %s |\n", number, help));
    GW_CONFREPORT_CODES(X)
#undef X
    return GW_OK;
}

enum gw_status gw_confprint_reference(struct gw_buf *out)
{
    struct gw_span before = GW_SPAN_LIT("(none)");

    GW_TRY(put(out, reference_head));
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];
        struct gw_span chapter = chapter_of(key);

        if (!gw_span_equal(chapter, before)) {
            GW_TRY(
                putf(out, "\n## %.*s\n\n",
                     GW_CONFREPORT_QUOTE(chapter.size > 0 ? chapter : GW_SPAN_LIT("top level"))));
            GW_TRY(
                put(out, "| key | default | takes | reload | meaning |\n|---|---|---|---|---|\n"));
        }
        before = chapter;
        GW_TRY(put_row(key, out));
    }
    GW_TRY(put(out, "\n## Entries of `auth`\n\n"));
    GW_TRY(gw_confauth_reference(out));
    return put_codes(out);
}

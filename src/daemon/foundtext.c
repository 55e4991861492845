#include "daemon/foundtext.h"

#include <stdio.h>

#include "base/utf8.h"

const char *gw_foundtext_judge(const char *path)
{
    if (gw_utf8_check(gw_span_str(path)) != GW_UTF8_VALID)
        return "it is not valid UTF-8";
    if (strstr(path, "${") != NULL)
        return "${ stands for a variable there";
    for (const char *c = path; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return "it holds a control character";
    }
    return NULL;
}

static enum gw_status put(struct gw_buf *out, const char *text)
{
    return gw_buf_append(out, gw_span_str(text));
}

/* `key: "DIRECTORY/file"`, as YAML has it in double quotes. */
static enum gw_status put_path(struct gw_buf *out, const char *key,
                               const struct gw_foundtext *found, const char *file)
{
    GW_TRY(gw_buf_printf(out, "%s: \"", key));
    for (const char *c = found->directory; *c != '\0'; c++)
        GW_TRY(gw_buf_printf(out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c));
    return gw_buf_printf(out, "/%s\"", file);
}

static enum gw_status put_file(struct gw_buf *out, const char *key,
                               const struct gw_foundtext *found, const char *file,
                               const char *comment)
{
    GW_TRY(put_path(out, key, found, file));
    return gw_buf_printf(out, "%s%s\n", comment[0] != '\0' ? "  # " : "", comment);
}

static enum gw_status put_listeners(const struct gw_foundtext *found, struct gw_buf *out)
{
    GW_TRY(put(out, "# Made by godwit init. Try a change with: godwit check config FILE\n"
                    "# All keys: godwit config reference. A running broker reads it again at "
                    "SIGHUP.\n\nlisteners:\n"));
    GW_TRY(gw_buf_printf(out, "  - mqtts://%s:%u  # everybody who can reach this machine: TLS\n",
                         found->ipv6 ? "*" : "0.0.0.0", found->tls_port));
    return gw_buf_printf(
        out,
        "  - {url: \"mqtt://127.0.0.1:%u\", anonymous: false}  # programs on it: users too\n\n",
        found->plain_port);
}

static enum gw_status put_tls(const struct gw_foundtext *found, struct gw_buf *out)
{
    GW_TRY(put(out, "tls:\n"));
    GW_TRY(put_file(out, "  cert", found, "tls/server.pem",
                    "one more name: godwit cert server --add"));
    GW_TRY(put_file(out, "  key", found, "tls/server.key", ""));
    GW_TRY(put_file(out, "  client_ca", found, "tls/ca.pem", "devices: godwit cert client NAME"));
    return put(out, "  client_cert: optional  # who has one needs no password\n"
                    "  identity: cn           # its common name is the user\n\n");
}

enum gw_status gw_foundtext_print(const struct gw_foundtext *found, struct gw_buf *out)
{
    GW_TRY(put_listeners(found, out));
    GW_TRY(put_tls(found, out));
    GW_TRY(put(out, "auth:\n"));
    GW_TRY(put_file(out, "  - file", found, "users", "one more: godwit passwd FILE NAME"));
    GW_TRY(put(out, "\naccess:  # the first that matches holds; what nothing matches is denied\n"));
    GW_TRY(gw_buf_printf(out, "  - {allow: pubsub, user: %s, topic: \"#\"}\n", found->user));
    GW_TRY(gw_buf_printf(out, "  - {allow: sub, user: %s, topic: \"$SYS/#\"}\n", found->user));
    GW_TRY(put(out, "  - {allow: pubsub, topic: \"devices/%u/#\"}  # %u is the user: each his "
                    "own branch\n\nstore:\n"));
    return put_file(out, "  path", found, "data", "what clients are owed survives a power cut");
}

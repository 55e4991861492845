/*
 * cli/options: the options of pub, sub and rr as values, from the command line and from a file.
 *
 * Layer   cli (may include client, proto, topic, wire, net, os, base).
 * Owner   the main thread.
 * Life    init, read, fini; texts are borrowed from argv or owned until fini.
 * Limits  GW_OPTIONS_LIST_MAX entries of a repeatable option; GW_OPTIONS_FILE_MAX bytes of file.
 */
#ifndef GW_CLI_OPTIONS_H
#define GW_CLI_OPTIONS_H

#include "base/buf.h"
#include "base/time.h"
#include "client/host/driver.h"
#include "wire/connect.h"

#define GW_OPTIONS_LIST_MAX 65535u
#define GW_OPTIONS_FILE_MAX ((size_t)1024 * 1024)

enum gw_tool { GW_TOOL_PUB = 1, GW_TOOL_SUB = 2, GW_TOOL_RR = 4 };

enum gw_message_mode {
    GW_MODE_NONE,
    GW_MODE_TEXT,  /* -m */
    GW_MODE_FILE,  /* -f */
    GW_MODE_STDIN, /* -s */
    GW_MODE_LINES, /* -l */
    GW_MODE_NULL,  /* -n */
};

struct gw_options_net {
    const char *host; /* NULL: localhost */
    const char *bind_host;
    const char *unix_path;
    const char *ws_path;   /* of the WebSocket, "/mqtt" if none is given */
    const char *not_built; /* the first option given that asks for what is not there yet */
    uint16_t port;         /* 0: the default */
    bool plain;            /* --no-tls */
    bool ws;               /* over a WebSocket */
    bool tls_on;           /* asked for by a URL, a port or an option */
    struct gw_driver_tls tls;
};

struct gw_options_session {
    enum gw_version version;
    const char *id;
    const char *id_prefix;
    const char *user_name;
    const char *password;
    const char *auth_method; /* SCRAM-SHA-256 ...; NULL: name and password as they are */
    const char *token_file;
    uint32_t expiry; /* seconds */
    uint16_t keep_alive;
    uint16_t inflight_max;
    bool has_expiry;
    bool keep; /* -c */
};

struct gw_options_message {
    enum gw_message_mode mode;
    const char *text; /* the message or the file's path */
    uint8_t qos;
    bool retain;
    uint32_t repeat_count;
    uint64_t repeat_delay_ns;
};

struct gw_options_will {
    const char *topic;
    const char *payload;
    uint8_t qos;
    bool retain;
};

struct gw_options_list {
    const char **items;
    size_t count;
};

struct gw_options_select {
    struct gw_options_list topics;
    struct gw_options_list filter_outs;
    struct gw_options_list unsubscribes;
    const char *response_topic;
    uint32_t count_max; /* -C, 0: no end */
    uint32_t timeout_s; /* -W, 0: none */
    double random_percent;
    uint8_t retain_handling;
    bool retain_as_published;
    bool exit_after_sub;
    bool no_retained;
    bool retained_only;
    bool remove_retained;
};

struct gw_options_output {
    const char *format; /* NULL: payload, or topic and payload */
    bool no_newline;
    bool verbose;
    bool pretty;
    bool json; /* --json: %j, but bytes that are no text are kept, as payload_b64 */
    bool debug;
    bool quiet;
};

/* The properties for one kind of packet. */
struct gw_options_props {
    struct gw_props props;
    struct gw_buf users; /* user properties, ready to send */
};

enum gw_options_command {
    GW_COMMAND_CONNECT,
    GW_COMMAND_PUBLISH,
    GW_COMMAND_SUBSCRIBE,
    GW_COMMAND_UNSUBSCRIBE,
    GW_COMMAND_DISCONNECT,
    GW_COMMAND_WILL,
    GW_COMMAND_COUNT
};

struct gw_options {
    enum gw_tool tool;
    const char *name; /* "pub" */
    struct gw_options_net net;
    struct gw_options_session session;
    struct gw_options_message message;
    struct gw_options_will will;
    struct gw_options_select select;
    struct gw_options_output output;
    struct gw_options_props props[GW_COMMAND_COUNT];
    struct gw_options_list owned; /* texts to free */
    const char *context;          /* --context; after the read the one in use, or NULL */
    bool context_login;           /* the password is the context's */
    bool as_mosquitto;            /* called by that name: no contexts */
    bool help;
    bool version;
    bool no_file; /* -o was given: the default file is not read */
    char problem[512];
};

/* Prepares the defaults of a tool. */
void gw_options_init(struct gw_options *options, enum gw_tool tool);

/* Releases what was read. */
void gw_options_fini(struct gw_options *options);

/* Reads the options file and argv (argv[0] is skipped) and checks the whole: GW_OK, or GW_INVALID
 * with words in `problem`; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_options_read(struct gw_options *options, int argc, char **argv);

/* Notes what is wrong (printf form) and returns GW_INVALID. */
GW_PRINTF(2, 3)
enum gw_status gw_options_refuse(struct gw_options *options, const char *format, ...);

/* Appends to a list; GW_LIMIT, GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_options_add(struct gw_options_list *list, const char *text);

/* A copy of size bytes of text that lives until fini, with an end mark; NULL without memory. */
char *gw_options_keep(struct gw_options *options, const char *text, size_t size);

/* The properties for a command, to be sent: NULL if there are none or not with MQTT 5. */
const struct gw_props *gw_options_props(struct gw_options *options,
                                        enum gw_options_command command);

#endif

/*
 * auth/backend: somebody beside the user files who knows who may connect: a web service, a
 *               directory, a data base, whoever signed a token.
 *
 * Layer   auth (may include topic, base, os).
 * Owner   ops and settings are immutable; a backend is asked by several workers at a time, each
 *         with what its `enter` gave it.
 * Life    open, for each worker enter ... leave, then close; what is asked is borrowed for a call.
 * Limits  the time that `ask` may take is the backend's own setting `timeout`; a worker is lost
 *         to others as long.
 *
 * A backend may block: only workers call it. Whatever goes wrong in it is GW_BACKEND_TROUBLE, and
 * nobody is let in by that. Those with rare dependencies are modules of their own (src/module),
 * loaded when a configuration names them.
 */
#ifndef GW_AUTH_BACKEND_H
#define GW_AUTH_BACKEND_H

#include "auth/warrant.h"

#define GW_BACKEND_WORDS_MAX 200

/* What the configuration says, by name; texts as written, secrets read from their files. */
struct gw_backend_setting {
    const char *name;
    const char *value;
};

struct gw_backend_settings {
    const struct gw_backend_setting *items;
    size_t count;
};

/* A setting; `fallback` where it is not set. */
const char *gw_backend_setting(const struct gw_backend_settings *settings, const char *name,
                               const char *fallback);
/* The same as milliseconds, of "500ms", "2s", "1m": the configuration has checked the form. */
uint32_t gw_backend_setting_ms(const struct gw_backend_settings *settings, const char *name,
                               uint32_t fallback);

/* True if a URL (SCHEME://[USER@]HOST[:PORT][/...]) leads to this machine by its name or address:
 * what goes there in clear, and what comes back, nobody else can read or change. */
bool gw_backend_is_near(const char *url);

/* Writes words as printf does, cut where they are too long; control characters become blanks. */
void gw_backend_say(char words[GW_BACKEND_WORDS_MAX], const char *format, ...) GW_PRINTF(2, 3);

/* A document on the web. */
struct gw_backend_fetch {
    const char *url;     /* https or http */
    const char *ca_file; /* who may sign the server's certificate; NULL: those the system trusts */
    size_t size_max;     /* more is an error */
    uint32_t timeout_ms;
};

/* What others do for a backend; each may be NULL where nobody does. It outlives the backend. */
struct gw_backend_host {
    void *ctx;
    /* Gets a document; blocks. GW_OK, or anything else with words in ret_words. */
    enum gw_status (*fetch)(void *ctx, const struct gw_backend_fetch *what, struct gw_buf *ret_body,
                            char ret_words[GW_BACKEND_WORDS_MAX]);
    /* Tells whoever runs the broker what he should know, on any thread; no secrets. */
    void (*tell)(void *ctx, const char *words);
    uint64_t (*now)(void *ctx); /* seconds since 1970 */
};

/* Who wants to be let in. */
struct gw_backend_login {
    struct gw_span user;
    struct gw_span password;
    struct gw_span client_id;
    struct gw_span address;  /* of the peer, without its port */
    struct gw_span listener; /* its URL, as written in the configuration */
};

enum gw_backend_answer {
    GW_BACKEND_YES,     /* and the warrant says as whom */
    GW_BACKEND_NO,      /* this is somebody whom it knows, and the proof is wrong */
    GW_BACKEND_UNKNOWN, /* it knows nothing of this user: ask the next */
    GW_BACKEND_TROUBLE, /* it cannot tell now: nobody is asked any more, the client may try later */
};

struct gw_backend_reply {
    struct gw_warrant warrant;        /* set with GW_BACKEND_YES */
    char words[GW_BACKEND_WORDS_MAX]; /* else: why, for the log; no secrets */
};

struct gw_method;

struct gw_backend_ops {
    const char *kind; /* as in the configuration: "jwt", "http", "ldap", "postgres", "redis" */
    /* Prepares it; connects to nobody yet. GW_INVALID with words for the configuration's report
     * (what is wrong with which setting), GW_NO_MEMORY. */
    enum gw_status (*open)(const struct gw_backend_settings *settings,
                           const struct gw_backend_host *host, void **ret_backend,
                           char ret_words[GW_BACKEND_WORDS_MAX]);
    void (*close)(void *backend);
    void *(*enter)(void *backend); /* for one worker: its connection; NULL: no memory */
    void (*leave)(void *worker);
    enum gw_backend_answer (*ask)(void *worker, const struct gw_backend_login *login,
                                  struct gw_backend_reply *reply);
    /* Whether what somebody was let in by, to whom this proof was given, would let him in still;
     * asked on any thread, does not block. NULL: it would. */
    bool (*stands)(void *backend, uint64_t proof);
    /* Methods of enhanced authentication that it offers (auth/method), up to a NULL; NULL: none. */
    const struct gw_method *const *methods;
};

/* Lets a warrant end so many milliseconds from now (rounded up to a second), 0: never; for settings
 * such as `valid_for`. */
void gw_backend_limit(const struct gw_backend_host *host, uint32_t valid_ms,
                      struct gw_warrant *warrant);

#endif

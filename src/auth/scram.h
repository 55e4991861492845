/*
 * auth/scram: the server's side of SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): what the
 *             client says in, what it is answered out.
 *
 * Layer   auth (may include topic, base, os). No I/O, no clock; nonce and salt key are given.
 * Owner   one exchange.
 * Life    init on the caller's memory; fini releases and wipes.
 * Limits  GW_SCRAM_MESSAGE_MAX bytes of each message.
 *
 * Without channel binding: who asks for it is refused. A user who is not there, or has no
 * credential of this kind, gets a salt too, the same each time, made of its name and a key that
 * only the broker knows; then its proof is wrong.
 */
#ifndef GW_AUTH_SCRAM_H
#define GW_AUTH_SCRAM_H

#include "auth/hashtext.h"

#define GW_SCRAM_MESSAGE_MAX 4096u
#define GW_SCRAM_SALT_SIZE   16u

enum gw_scram_outcome {
    GW_SCRAM_MORE,  /* send the answer and wait */
    GW_SCRAM_DONE,  /* it knows the password; the answer proves the same of us */
    GW_SCRAM_WRONG, /* the proof is wrong, or there is no such user */
    GW_SCRAM_BAD,   /* what it says is not SCRAM as it is spoken here */
    GW_SCRAM_NO_MEMORY
};

struct gw_scram {
    enum gw_hashtext_kind kind;
    uint8_t step;
    bool known;                    /* credential is that of the user */
    bool unfit;                    /* the user is there, with another kind of hash */
    struct gw_hashtext credential; /* or one that nobody has */
    struct gw_buf user;            /* the name, as soon as it is known */
    struct gw_buf header;          /* base64 of the GS2 header, which comes again */
    struct gw_buf text;            /* what both sides sign, as far as it has been said */
    size_t nonce_at, nonce_size;   /* both halves of the nonce within text */
};

/* What to ask about users. Its names hold for a call. */
struct gw_scram_directory {
    const void *ctx;
    /* The credential of a user, any kind; NULL if there is none. */
    const struct gw_hashtext *(*find)(const void *ctx, struct gw_span user);
    uint8_t key[32]; /* for the salts of those who are not there */
    uint32_t rounds; /* that they get */
};

/* kind: GW_HASHTEXT_SCRAM256 or GW_HASHTEXT_SCRAM512. */
void gw_scram_init(struct gw_scram *scram, enum gw_hashtext_kind kind);
void gw_scram_fini(struct gw_scram *scram);

/* The first message. The nonce is our half of it: printable, without comma, never used before.
 * Appends the answer; ret_why, for the log, is set with WRONG and BAD. */
enum gw_scram_outcome gw_scram_first(struct gw_scram *scram, struct gw_span message,
                                     const struct gw_scram_directory *directory,
                                     struct gw_span nonce, struct gw_buf *ret_answer,
                                     const char **ret_why);
/* The last one. */
enum gw_scram_outcome gw_scram_last(struct gw_scram *scram, struct gw_span message,
                                    struct gw_buf *ret_answer, const char **ret_why);

#endif

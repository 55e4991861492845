#include "broker/inquiry.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/password.h"
#include "auth/users.h"
#include "base/utf8.h"
#include "broker/chain.h"
#include "broker/checker.h"

#define PASSWORD "password" /* the method of user files */
#define CHANGED  "the configuration was changed while it was asked"

/* The texts of a subject, one behind the other. */
enum text { TEXT_USER, TEXT_PASSWORD, TEXT_CLIENT_ID, TEXT_LISTENER, TEXT_ADDRESS, TEXT_COUNT };

struct texts {
    size_t sizes[TEXT_COUNT];
    size_t size;
    uint8_t *bytes; /* wiped at the end */
};

struct gw_inquiry {
    struct gw_shard *shard;
    gw_inquiry_fn *fn;
    void *asker;
    struct step *step;      /* the question under way */
    struct gw_chain *chain; /* as it was when this began; NULL: the user files in their order */
    size_t at;              /* who of them is asked */
    const char *only;
    struct texts texts;
    struct gw_inquiry_answer answer;
    char words[GW_BACKEND_WORDS_MAX]; /* of the last who knew nothing */
};

/* One question to one of them; lives until its worker is done, whoever still wants to know. */
struct step {
    struct gw_checker_job job;
    struct gw_sponsor *sponsor; /* NULL: a password is held against a hash */
    struct gw_hashtext hash;
    uint64_t proof; /* of that user */
    struct gw_backend_reply reply;
    enum gw_backend_answer said;
    struct texts texts;
};

/* -- texts -- */

static struct gw_span text_of(const struct texts *texts, enum text which)
{
    size_t at = 0;
    for (size_t i = 0; i < (size_t)which; i++)
        at += texts->sizes[i];
    return gw_span_of(texts->bytes + at, texts->sizes[which]);
}

static enum gw_status copy_texts(const struct gw_span spans[TEXT_COUNT], struct texts *ret_texts)
{
    size_t at = 0;
    *ret_texts = (struct texts){.size = 0};
    for (size_t i = 0; i < TEXT_COUNT; i++)
        ret_texts->size += ret_texts->sizes[i] = spans[i].size;
    ret_texts->bytes = malloc(ret_texts->size + 1); /* none is no memory */
    if (!ret_texts->bytes)
        return GW_NO_MEMORY;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (spans[i].size > 0)
            memcpy(ret_texts->bytes + at, spans[i].data, spans[i].size);
        at += spans[i].size;
    }
    return GW_OK;
}

static void drop_texts(struct texts *texts)
{
    if (texts->bytes)
        gw_password_wipe(texts->bytes, texts->size);
    free(texts->bytes);
    texts->bytes = NULL;
}

/* An address without its port: "10.0.0.9", "::1". */
static struct gw_span host_of(const struct gw_address *address, char text[GW_ADDRESS_TEXT_MAX])
{
    struct gw_span host = GW_SPAN_NONE;
    const char *colon;
    if (!address)
        return host;
    host = gw_span_str(gw_address_text(address, text));
    colon = gw_address_port(address) > 0 ? strrchr(text, ':') : NULL;
    if (colon)
        host.size = (size_t)(colon - text);
    if (host.size > 1 && text[0] == '[' && text[host.size - 1] == ']')
        host = gw_span_of(text + 1, host.size - 2);
    return host;
}

/* -- one question -- */

static void release(struct gw_checker_job *job)
{
    struct step *step = GW_CONTAINER(job, struct step, job);
    gw_warrant_fini(&step->reply.warrant);
    gw_sponsor_unref(step->sponsor);
    drop_texts(&step->texts);
    free(step);
}

static enum gw_status check_password(struct gw_checker_job *job, void *worker)
{
    struct step *step = GW_CONTAINER(job, struct step, job);
    (void)worker;
    return gw_password_check(&step->hash, text_of(&step->texts, TEXT_PASSWORD));
}

static enum gw_status ask_backend(struct gw_checker_job *job, void *worker)
{
    struct step *step = GW_CONTAINER(job, struct step, job);
    const struct gw_backend_login login = {
        .user = text_of(&step->texts, TEXT_USER),
        .password = text_of(&step->texts, TEXT_PASSWORD),
        .client_id = text_of(&step->texts, TEXT_CLIENT_ID),
        .address = text_of(&step->texts, TEXT_ADDRESS),
        .listener = text_of(&step->texts, TEXT_LISTENER),
    };
    step->said = gw_sponsor_ops(step->sponsor)->ask(worker, &login, &step->reply);
    return GW_OK;
}

static gw_checker_fn on_answer;

static struct step *step_new(struct gw_inquiry *inquiry)
{
    struct step *step = calloc(1, sizeof(*step));
    struct gw_span spans[TEXT_COUNT];
    if (!step)
        return NULL;
    for (size_t i = 0; i < TEXT_COUNT; i++)
        spans[i] = text_of(&inquiry->texts, (enum text)i);
    if (copy_texts(spans, &step->texts) != GW_OK) {
        free(step);
        return NULL;
    }
    gw_checker_job_init(&step->job);
    gw_warrant_init(&step->reply.warrant);
    step->said = GW_BACKEND_TROUBLE;
    step->job.loop = inquiry->shard->loop;
    step->job.answered = on_answer;
    step->job.release = release;
    step->job.asker = inquiry;
    return step;
}

static enum gw_status submit(struct gw_inquiry *inquiry, struct step *step, struct gw_checker *pool)
{
    size_t queue_max = gw_shard_settings(inquiry->shard)->limits.login.queue;
    enum gw_status status = gw_checker_ask(pool, &step->job, queue_max);
    inquiry->step = status == GW_OK ? step : NULL; /* else it is gone */
    return status;
}

/* With NULL somebody unknown: he costs as much time as somebody known. */
static enum gw_status ask_file(struct gw_inquiry *inquiry, const struct gw_userfile_user *user)
{
    const struct gw_users *users = inquiry->shard->config->users;
    struct step *step = step_new(inquiry);
    if (!step)
        return GW_NO_MEMORY;
    step->job.work = check_password;
    step->hash = user ? user->hash : *gw_users_dummy(users);
    step->proof = user ? user->proof : 0;
    inquiry->answer.method = PASSWORD;
    return submit(inquiry, step, inquiry->shard->world->checker);
}

static enum gw_status ask_sponsor(struct gw_inquiry *inquiry, struct gw_sponsor *sponsor)
{
    struct step *step = step_new(inquiry);
    if (!step)
        return GW_NO_MEMORY;
    step->job.work = ask_backend;
    step->sponsor = gw_sponsor_ref(sponsor);
    inquiry->answer.method = gw_sponsor_ops(sponsor)->kind;
    return submit(inquiry, step, gw_sponsor_pool(sponsor));
}

/* -- all of them -- */

static bool wants(const struct gw_inquiry *inquiry, const char *kind)
{
    return !inquiry->only || strcmp(inquiry->only, kind) == 0;
}

/* An empty password proves nothing to anybody but a file, where it stands so: a directory might
 * take it for a wish to stay unknown, and say yes. */
static enum gw_status ask_link(struct gw_inquiry *inquiry, const struct gw_chain_link *link)
{
    const struct gw_users *users = inquiry->shard->config->users;
    const struct gw_userfile_user *user = NULL;
    if (link->sponsor)
        return wants(inquiry, gw_sponsor_ops(link->sponsor)->kind) &&
                       inquiry->texts.sizes[TEXT_PASSWORD] > 0
                   ? ask_sponsor(inquiry, link->sponsor)
                   : GW_NOT_FOUND;
    if (users && wants(inquiry, PASSWORD))
        user = gw_users_find_in(users, link->file, text_of(&inquiry->texts, TEXT_USER));
    return user ? ask_file(inquiry, user) : GW_NOT_FOUND;
}

/* Asks the next who may know; GW_NOT_FOUND: there is nobody any more. */
static enum gw_status ask_next(struct gw_inquiry *inquiry)
{
    const struct gw_users *users = inquiry->shard->config->users;
    const struct gw_chain *chain = inquiry->chain;
    struct gw_span name = text_of(&inquiry->texts, TEXT_USER);
    for (; chain && inquiry->at < chain->count; inquiry->at++) {
        enum gw_status status = ask_link(inquiry, &chain->links[inquiry->at]);
        if (status != GW_NOT_FOUND)
            return status;
    }
    if (!users || !wants(inquiry, PASSWORD) || (chain && name.size == 0))
        return GW_NOT_FOUND;
    return ask_file(inquiry, chain ? NULL : gw_users_find(users, name));
}

static enum gw_inquiry_verdict verdict_of(enum gw_status status)
{
    return status == GW_NOT_FOUND   ? GW_INQUIRY_NO
           : status == GW_LIMIT     ? GW_INQUIRY_BUSY
           : status == GW_NO_MEMORY ? GW_INQUIRY_NO_MEMORY
                                    : GW_INQUIRY_TROUBLE;
}

static void inquiry_free(struct gw_inquiry *inquiry)
{
    gw_chain_unref(inquiry->chain);
    gw_warrant_fini(&inquiry->answer.warrant);
    drop_texts(&inquiry->texts);
    free(inquiry);
}

void gw_inquiry_drop(struct gw_inquiry *inquiry)
{
    if (!inquiry)
        return;
    if (inquiry->step)
        gw_checker_drop(&inquiry->step->job);
    inquiry_free(inquiry);
}

static struct gw_inquiry *inquiry_new(struct gw_shard *shard,
                                      const struct gw_inquiry_subject *subject)
{
    struct gw_inquiry *inquiry = calloc(1, sizeof(*inquiry));
    char address[GW_ADDRESS_TEXT_MAX];
    if (!inquiry)
        return NULL;
    const struct gw_span spans[TEXT_COUNT] = {
        [TEXT_USER] = subject->user,
        [TEXT_PASSWORD] = subject->password,
        [TEXT_CLIENT_ID] = subject->client_id,
        [TEXT_LISTENER] = subject->listener,
        [TEXT_ADDRESS] = host_of(subject->peer, address),
    };
    if (copy_texts(spans, &inquiry->texts) != GW_OK) {
        free(inquiry);
        return NULL;
    }
    gw_warrant_init(&inquiry->answer.warrant);
    inquiry->shard = shard;
    inquiry->only = subject->only;
    inquiry->answer.method = PASSWORD;
    if (shard->config->chain)
        inquiry->chain = gw_chain_ref(shard->config->chain);
    return inquiry;
}

struct gw_inquiry *gw_inquiry_begin(struct gw_shard *shard,
                                    const struct gw_inquiry_subject *subject, gw_inquiry_fn *fn,
                                    void *asker, enum gw_inquiry_verdict *ret_verdict)
{
    struct gw_inquiry *inquiry = inquiry_new(shard, subject);
    enum gw_status status = inquiry ? ask_next(inquiry) : GW_NO_MEMORY;
    if (status == GW_OK) {
        inquiry->fn = fn;
        inquiry->asker = asker;
        return inquiry;
    }
    if (inquiry)
        inquiry_free(inquiry);
    *ret_verdict = verdict_of(status);
    return NULL;
}

size_t gw_inquiry_bytes(const struct gw_inquiry *inquiry)
{
    if (!inquiry)
        return 0;
    return sizeof(*inquiry) + sizeof(struct step) + 2 * inquiry->texts.size;
}

/* -- answers -- */

static void finish(struct gw_inquiry *inquiry, enum gw_inquiry_verdict verdict, const char *words,
                   gw_mono_ns now)
{
    inquiry->answer.verdict = verdict;
    inquiry->answer.words = words;
    inquiry->fn(inquiry->asker, &inquiry->answer, now);
    inquiry_free(inquiry);
}

static enum gw_status fill_warrant(struct gw_warrant *warrant, const struct gw_userfile_user *user)
{
    warrant->proof = user->proof;
    return gw_buf_append(&warrant->groups, user->groups);
}

/* The workers know whether the password was right; whether the user is still there is looked up
 * now, for the users may have changed meanwhile. */
static void on_password(struct gw_inquiry *inquiry, const struct step *step, enum gw_status answer,
                        gw_mono_ns now)
{
    const struct gw_users *users = inquiry->shard->config->users;
    const struct gw_userfile_user *user =
        users ? gw_users_find(users, text_of(&inquiry->texts, TEXT_USER)) : NULL;
    if (answer == GW_NO_MEMORY)
        finish(inquiry, GW_INQUIRY_NO_MEMORY, "out of memory", now);
    else if (!user)
        finish(inquiry, GW_INQUIRY_NO, inquiry->words[0] ? inquiry->words : "there is no such user",
               now);
    else if (answer != GW_OK || user->proof != step->proof)
        finish(inquiry, GW_INQUIRY_NO, "the password is wrong", now);
    else if (fill_warrant(&inquiry->answer.warrant, user) != GW_OK)
        finish(inquiry, GW_INQUIRY_NO_MEMORY, "out of memory", now);
    else
        finish(inquiry, GW_INQUIRY_YES, "", now);
}

/* A backend said yes: is it one that may? Returns what is wrong, NULL if nothing is. */
static const char *judge(const struct gw_inquiry *inquiry, const struct step *step)
{
    const struct gw_warrant *warrant = &step->reply.warrant;
    const struct gw_shard *shard = inquiry->shard;
    struct gw_span name = gw_buf_span(&warrant->user);
    const struct gw_sponsor *today =
        gw_chain_find(shard->config->chain, gw_sponsor_id(step->sponsor));
    /* Not the one that was asked, if that one was opened anew with other keys meanwhile. */
    if (!today || !gw_sponsor_stands(today, warrant->proof))
        return CHANGED;
    if (name.size == 0 && inquiry->texts.sizes[TEXT_USER] == 0)
        return "it says yes, but not who this is";
    if (name.size > UINT16_MAX || gw_utf8_check(name) != GW_UTF8_VALID)
        return "the user name that it gives is not valid";
    return NULL;
}

static bool has_expired(const struct gw_inquiry *inquiry, const struct gw_warrant *warrant)
{
    gw_wall_ns now = gw_clock_wall(inquiry->shard->world->services.clock);
    return warrant->expires > 0 && (now < 0 || warrant->expires <= (uint64_t)now / GW_NS_PER_S);
}

static void on_yes(struct gw_inquiry *inquiry, struct step *step, gw_mono_ns now)
{
    const char *wrong = judge(inquiry, step);
    if (wrong) {
        finish(inquiry, GW_INQUIRY_TROUBLE, wrong, now);
        return;
    }
    inquiry->answer.warrant = step->reply.warrant; /* it is ours now */
    gw_warrant_init(&step->reply.warrant);
    if (has_expired(inquiry, &inquiry->answer.warrant)) {
        finish(inquiry, GW_INQUIRY_NO, "what it was to be let in by has expired", now);
        return;
    }
    inquiry->answer.by = gw_sponsor_id(step->sponsor);
    finish(inquiry, GW_INQUIRY_YES, "", now);
}

static void on_unknown(struct gw_inquiry *inquiry, const struct step *step, gw_mono_ns now)
{
    if (step->reply.words[0])
        snprintf(inquiry->words, sizeof(inquiry->words), "%s", step->reply.words);
    if (inquiry->chain != inquiry->shard->config->chain) {
        finish(inquiry, GW_INQUIRY_TROUBLE, CHANGED, now);
        return;
    }
    inquiry->at++;
    enum gw_status status = ask_next(inquiry);
    if (status == GW_OK)
        return;
    const char *words = status == GW_NOT_FOUND && inquiry->words[0] ? inquiry->words
                        : status == GW_NOT_FOUND                    ? "nobody knows this user"
                        : status == GW_LIMIT                        ? "too many logins wait"
                                                                    : "out of memory";
    finish(inquiry, verdict_of(status), words, now);
}

static void on_backend(struct gw_inquiry *inquiry, struct step *step, gw_mono_ns now)
{
    const char *words = step->reply.words;
    switch (step->said) {
    case GW_BACKEND_YES: on_yes(inquiry, step, now); return;
    case GW_BACKEND_UNKNOWN: on_unknown(inquiry, step, now); return;
    case GW_BACKEND_NO:
        finish(inquiry, GW_INQUIRY_NO, words[0] ? words : "the password is wrong", now);
        return;
    case GW_BACKEND_TROUBLE: break;
    }
    finish(inquiry, GW_INQUIRY_TROUBLE, words[0] ? words : "it cannot tell", now);
}

static void on_answer(void *asker, struct gw_checker_job *job, enum gw_status answer,
                      gw_mono_ns now)
{
    struct gw_inquiry *inquiry = asker;
    struct step *step = GW_CONTAINER(job, struct step, job);
    inquiry->step = NULL;
    if (!step->sponsor)
        on_password(inquiry, step, answer, now);
    else if (answer != GW_OK)
        finish(inquiry, GW_INQUIRY_NO_MEMORY, "out of memory", now);
    else
        on_backend(inquiry, step, now);
}

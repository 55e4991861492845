#include "auth/users.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "auth/password.h"
#include "auth/scramkey.h"
#include "base/assert.h"
#include "os/file.h"

struct gw_users {
    atomic_uint refs; /* unref releases, the last one acquires */
    struct gw_userfile *files[GW_USERS_FILES_MAX];
    size_t file_count;
    struct gw_hashtext dummy;
    struct gw_users_scram scram;
    bool keyed; /* its key is that of the machine */
};

/* Names this machine and stays as it is: nobody from elsewhere knows it. */
#define MACHINE_ID "/etc/machine-id"

static void note_scram(struct gw_users_scram *scram, const struct gw_hashtext *hash)
{
    if (hash->kind != GW_HASHTEXT_SCRAM256 && hash->kind != GW_HASHTEXT_SCRAM512)
        return;
    size_t index = hash->kind == GW_HASHTEXT_SCRAM512;
    if (!scram->some[index])
        scram->rounds[index] = hash->rounds;
    scram->some[index] = true;
}

static void look_through(struct gw_users *users)
{
    const struct gw_hashtext *dearest = NULL;
    for (size_t f = 0; f < users->file_count; f++)
        for (size_t i = 0; i < gw_userfile_count(users->files[f]); i++) {
            const struct gw_hashtext *hash = &gw_userfile_at(users->files[f], i)->hash;
            if (!dearest || !gw_password_costs_more(dearest, hash))
                dearest = hash;
            note_scram(&users->scram, hash);
        }
    gw_password_dummy(dearest, &users->dummy);
}

/* Kneads a text into the key. */
static enum gw_status add_to_key(struct gw_users *users, struct gw_span text)
{
    struct gw_scramkey made;
    GW_TRY(gw_scramkey_sign(GW_HASHTEXT_SCRAM256, users->scram.key, text, &made));
    memcpy(users->scram.key, made.bytes, sizeof(users->scram.key));
    return GW_OK;
}

/* Where the machine has no name of its own, the files themselves are the secret. */
static enum gw_status make_key(struct gw_users *users)
{
    struct gw_buf text;
    int number = 0;
    gw_buf_init(&text, 4096);
    enum gw_status status = gw_file_read(MACHINE_ID, &text, &number);
    users->keyed = status == GW_OK && text.size > 16;
    status = users->keyed ? add_to_key(users, gw_buf_span(&text)) : GW_OK;
    gw_buf_fini(&text);
    return status;
}

static struct gw_users *users_new(struct gw_users_error *error)
{
    struct gw_users *users = calloc(1, sizeof(*users));
    *error = (struct gw_users_error){.detail = {.what = "out of memory"}};
    gw_buf_init(&error->text, GW_USERFILE_SIZE_MAX);
    if (users)
        atomic_init(&users->refs, 1);
    return users;
}

static enum gw_status finish(struct gw_users *users, enum gw_status status,
                             struct gw_users **ret_users)
{
    *ret_users = NULL;
    if (status != GW_OK) {
        gw_users_unref(users);
        return status;
    }
    look_through(users);
    *ret_users = users;
    return GW_OK;
}

static enum gw_status add(struct gw_users *users, struct gw_span text, struct gw_users_error *error)
{
    GW_TRY(gw_userfile_parse(text, &users->files[users->file_count], &error->detail));
    users->file_count++;
    return users->keyed ? GW_OK : add_to_key(users, text);
}

static enum gw_status add_file(struct gw_users *users, const char *path,
                               struct gw_users_error *error)
{
    error->path = path;
    gw_buf_clear(&error->text);
    enum gw_status status = gw_file_read(path, &error->text, &error->os_errno);
    if (status == GW_LIMIT)
        error->detail = (struct gw_userfile_error){.what = "the file is larger than 64 MiB"};
    return status != GW_OK ? status : add(users, gw_buf_span(&error->text), error);
}

enum gw_status gw_users_load(const char *const *paths, size_t path_count,
                             struct gw_users **ret_users, struct gw_users_error *ret_error)
{
    struct gw_users *users = users_new(ret_error);
    enum gw_status status = users ? make_key(users) : GW_NO_MEMORY;
    GW_ASSERT(path_count <= GW_USERS_FILES_MAX);
    for (size_t i = 0; i < path_count && status == GW_OK; i++)
        status = add_file(users, paths[i], ret_error);
    return finish(users, status, ret_users);
}

enum gw_status gw_users_of(const struct gw_span *texts, size_t text_count,
                           struct gw_users **ret_users, struct gw_users_error *ret_error)
{
    struct gw_users *users = users_new(ret_error);
    enum gw_status status = users ? GW_OK : GW_NO_MEMORY;
    GW_ASSERT(text_count <= GW_USERS_FILES_MAX);
    for (size_t i = 0; i < text_count && status == GW_OK; i++)
        status = add(users, texts[i], ret_error);
    return finish(users, status, ret_users);
}

void gw_users_error_fini(struct gw_users_error *error)
{
    gw_buf_fini(&error->text);
}

struct gw_users *gw_users_ref(struct gw_users *users)
{
    atomic_fetch_add_explicit(&users->refs, 1, memory_order_relaxed);
    return users;
}

void gw_users_unref(struct gw_users *users)
{
    if (!users || atomic_fetch_sub_explicit(&users->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < users->file_count; i++)
        gw_userfile_free(users->files[i]);
    free(users);
}

const struct gw_userfile_user *gw_users_find(const struct gw_users *users, struct gw_span name)
{
    const struct gw_userfile_user *user = NULL;
    for (size_t i = 0; i < users->file_count && !user; i++)
        user = gw_userfile_find(users->files[i], name);
    return user;
}

const struct gw_userfile_user *gw_users_find_in(const struct gw_users *users, size_t file,
                                                struct gw_span name)
{
    return file < users->file_count ? gw_userfile_find(users->files[file], name) : NULL;
}

const struct gw_hashtext *gw_users_dummy(const struct gw_users *users)
{
    return &users->dummy;
}

size_t gw_users_count(const struct gw_users *users)
{
    size_t count = 0;
    for (size_t i = 0; i < users->file_count; i++)
        count += gw_userfile_count(users->files[i]);
    return count;
}

const struct gw_users_scram *gw_users_scram(const struct gw_users *users)
{
    return &users->scram;
}

#include "daemon/passwd.h"

#include <errno.h>
#include <stdio.h>

#include "auth/password.h"
#include "auth/userfile.h"
#include "daemon/arguments.h"
#include "daemon/command.h"
#include "os/console.h"
#include "os/deposit.h"
#include "os/file.h"
#include "os/prompt.h"

#define COMMAND    "godwit passwd"
#define ROUNDS_MIN 4096 /* RFC 7677 wants as many */
#define ROOM_MAX   (GW_USERFILE_NAME_MAX + GW_HASHTEXT_MAX + GW_USERFILE_GROUPS_MAX + 8)

static const char usage[] =
    "godwit passwd -c users alice           makes a file with a user; asks for the password\n"
    "godwit passwd users alice              adds a user, or gives one a new password\n"
    "godwit passwd --groups ops users bob   the same, and says which groups the user is in\n"
    "godwit passwd -D users alice           removes a user\n"
    "echo secret | godwit passwd users bob  takes the first line as the password\n"
    "\n"
    "  -c                  make a new file; one that is there must not have users in it\n"
    "  -b                  the password stands behind USER, where everybody on the machine\n"
    "                      can see it\n"
    "  -D                  remove the user\n"
    "  -H, --hash NAME     argon2id (the usual), pbkdf2, which mosquitto reads too, or\n"
    "                      scram-sha-256, scram-sha-512 for logins by SCRAM as well\n"
    "  -I, --iterations N  rounds of pbkdf2 (210000) or SCRAM (16384)\n"
    "      --groups A,B    groups for access rules; \"\" takes the user out of all\n"
    "  -h, --help          this text\n"
    "\n"
    "Comments and all other lines stay. The file is replaced in one step; a new one can be read "
    "by\n"
    "its owner only. A running broker sees the change by itself.\n";

struct job {
    const char *path;
    const char *user;
    const char *password; /* of the command line; NULL: to be asked for */
    const char *groups;   /* NULL: as they were */
    enum gw_hashtext_kind kind;
    uint32_t rounds; /* 0: as usual */
    bool make;
    bool batch;
    bool remove;
};

static int complain(int code, const char *what, const char *hint)
{
    fprintf(stderr, COMMAND ": %s\n", what);
    if (hint != NULL)
        fprintf(stderr, "   hint: %s\n", hint);
    return code;
}

static int complain_of_file(const struct job *job, const char *what, int number)
{
    fprintf(stderr, COMMAND ": cannot %s %s: %s\n", what, job->path, strerror(number));
    if (number == ENOENT && !job->make)
        fprintf(stderr, "   hint: " COMMAND " -c %s %s makes the file\n", job->path, job->user);
    return number == EACCES || number == EPERM ? GW_COMMAND_PERMISSION : GW_COMMAND_SYSTEM;
}

/* -- the command line -- */

static bool read_hash(struct job *job, const char *name)
{
    static const struct {
        const char *name;
        enum gw_hashtext_kind kind;
    } names[] = {
        {"argon2id", GW_HASHTEXT_ARGON2ID},      {"pbkdf2", GW_HASHTEXT_PBKDF2},
        {"sha512-pbkdf2", GW_HASHTEXT_PBKDF2}, /* as mosquitto_passwd calls it */
        {"scram-sha-256", GW_HASHTEXT_SCRAM256}, {"scram-sha-512", GW_HASHTEXT_SCRAM512},
    };

    for (size_t i = 0; name != NULL && i < GW_COUNT_OF(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            job->kind = names[i].kind;
            return true;
        }
    }
    return false;
}

static bool read_rounds(struct job *job, const char *text)
{
    uint32_t rounds = 0;

    for (size_t i = 0; text != NULL && text[i] != '\0'; i++) {
        if (i == 8 || text[i] < '0' || text[i] > '9')
            return false;
        rounds = rounds * 10 + (uint32_t)(text[i] - '0');
    }
    job->rounds = rounds;
    return rounds >= ROUNDS_MIN && rounds <= GW_HASHTEXT_ROUNDS_MAX;
}

/* Takes an option; false if the next word is none. *ret_exit is not GW_COMMAND_OK if it is wrong.
 */
static bool take_option(struct job *job, struct gw_arguments *words, int *ret_exit)
{
    const char *value;

    if (gw_arguments_take_flag(words, "-c", NULL)) {
        job->make = true;
    } else if (gw_arguments_take_flag(words, "-b", NULL)) {
        job->batch = true;
    } else if (gw_arguments_take_flag(words, "-D", NULL)) {
        job->remove = true;
    } else if (gw_arguments_take_value(words, "-H", "--hash", &value)) {
        if (!read_hash(job, value))
            *ret_exit =
                complain(GW_COMMAND_USAGE,
                         "--hash is argon2id, pbkdf2, scram-sha-256 or scram-sha-512", NULL);
    } else if (gw_arguments_take_value(words, "-I", "--iterations", &value)) {
        if (!read_rounds(job, value))
            *ret_exit =
                complain(GW_COMMAND_USAGE, "--iterations is a number from 4096 to 10000000", NULL);
    } else if (gw_arguments_take_value(words, NULL, "--groups", &value)) {
        job->groups = value;
        if (value == NULL)
            *ret_exit = complain(GW_COMMAND_USAGE, "--groups wants names, as ops,dashboards", NULL);
    } else {
        return false;
    }
    return true;
}

static int read_words(struct job *job, struct gw_arguments *words)
{
    static const char *const names[] = {"--hash", "--iterations", "--groups", "--help"};
    const char **places[] = {&job->path, &job->user, &job->password};
    size_t place = 0;
    int code = GW_COMMAND_OK;
    bool options = true;

    while (words->index < words->argc && code == GW_COMMAND_OK) {
        const char *word = words->argv[words->index];

        if (options && take_option(job, words, &code))
            continue;
        if (options && word[0] == '-' && word[1] != '\0' && strcmp(word, "--") != 0)
            return gw_arguments_refuse(words, names, GW_COUNT_OF(names));
        words->index++;
        if (options && strcmp(word, "--") == 0)
            options = false;
        else if (place == GW_COUNT_OF(places))
            return complain(GW_COMMAND_USAGE, "there is a word too many", COMMAND " --help");
        else
            *places[place++] = word;
    }
    return code;
}

static int judge(const struct job *job)
{
    const char *why;

    if (job->path == NULL || job->user == NULL)
        return complain(GW_COMMAND_USAGE, "which file, and which user?",
                        COMMAND " -c users alice makes a file \"users\" with the user alice");
    if (job->batch && job->password == NULL && !job->remove)
        return complain(GW_COMMAND_USAGE, "-b wants the password behind the user", NULL);
    if (!job->batch && job->password != NULL)
        return complain(GW_COMMAND_USAGE, "a password on the command line is taken with -b only",
                        "everybody on this machine can see it there; without it you are asked");
    if (job->rounds > 0 && job->kind == GW_HASHTEXT_ARGON2ID)
        return complain(GW_COMMAND_USAGE, "argon2id has no --iterations", NULL);
    if (job->make && job->remove)
        return complain(GW_COMMAND_USAGE, "-c and -D do not go together", NULL);
    why = gw_userfile_judge_name(gw_span_str(job->user));
    if (why == NULL && job->groups != NULL)
        why = gw_userfile_judge_groups(gw_span_str(job->groups));
    return why == NULL ? GW_COMMAND_OK : complain(GW_COMMAND_USAGE, why, NULL);
}

/* -- the password -- */

static int ask_once(const char *question, struct gw_buf *out)
{
    enum gw_status status = gw_prompt_secret(question, out);

    if (status == GW_OK)
        return GW_COMMAND_OK;
    if (status == GW_END)
        return complain(GW_COMMAND_USAGE, "there is no password", NULL);
    return complain(GW_COMMAND_SYSTEM,
                    status == GW_LIMIT ? "the password is too long" : "cannot read the password",
                    NULL);
}

/* From a terminal it is asked for twice; a slip of the finger would lock the user out. */
static int ask(struct gw_buf *password)
{
    struct gw_buf again;
    int code = ask_once("Password: ", password);

    if (code != GW_COMMAND_OK || !gw_console_is_terminal(0))
        return code;
    gw_buf_init(&again, GW_PASSWORD_SIZE_MAX);
    code = ask_once("Again: ", &again);
    if (code == GW_COMMAND_OK && !gw_span_equal(gw_buf_span(password), gw_buf_span(&again)))
        code = complain(GW_COMMAND_USAGE, "the two are not the same; nothing was changed", NULL);
    gw_password_drop(&again);
    return code;
}

static int get_password(const struct job *job, struct gw_buf *password)
{
    int code = GW_COMMAND_OK;

    if (job->password == NULL)
        code = ask(password);
    else if (gw_buf_append(password, gw_span_str(job->password)) != GW_OK)
        code = complain(GW_COMMAND_USAGE, "the password is too long", NULL);
    if (code == GW_COMMAND_OK && password->size == 0)
        code = complain(GW_COMMAND_USAGE, "the password is empty; nothing was changed", NULL);
    return code;
}

/* -- the file -- */

static enum gw_status put(struct gw_buf *out, struct gw_span text)
{
    return gw_buf_append(out, text);
}

/* The text of the file with `line` (may be empty) in the place of `old`, or at its end. */
static enum gw_status compose(struct gw_span text, struct gw_span old, struct gw_span line,
                              struct gw_buf *out)
{
    size_t before = old.data != NULL ? (size_t)(old.data - text.data) : text.size;

    GW_TRY(put(out, gw_span_of(text.data, before)));
    if (line.size > 0 && out->size > 0 && out->data[out->size - 1] != '\n')
        GW_TRY(put(out, GW_SPAN_LIT("\n")));
    GW_TRY(put(out, line));
    return put(out, gw_span_from(text, before + old.size));
}

/* The new line of the user. */
static enum gw_status make_line(const struct job *job, struct gw_span password,
                                struct gw_span groups, struct gw_buf *line)
{
    struct gw_hashtext hash;

    GW_TRY(gw_password_hash_with(job->kind, job->rounds, password, &hash));
    GW_TRY(put(line, gw_span_str(job->user)));
    GW_TRY(put(line, GW_SPAN_LIT(":")));
    GW_TRY(gw_hashtext_print(&hash, line));
    if (groups.size > 0) {
        GW_TRY(put(line, GW_SPAN_LIT(":")));
        GW_TRY(put(line, groups));
    }
    return put(line, GW_SPAN_LIT("\n"));
}

static int write_file(const struct job *job, struct gw_span text, struct gw_span old,
                      struct gw_span line)
{
    struct gw_buf whole;
    enum gw_status status;
    int number = 0;
    int code = GW_COMMAND_OK;

    gw_buf_init(&whole, GW_USERFILE_SIZE_MAX);
    status = compose(text, old, line, &whole);
    if (status == GW_OK)
        status = gw_deposit_write(
            &(struct gw_deposit){job->path, gw_buf_span(&whole), 0600, GW_DEPOSIT_RENEW}, &number);
    if (status == GW_OS_ERROR)
        code = complain_of_file(job, "write", number);
    else if (status != GW_OK)
        code = complain(
            GW_COMMAND_SYSTEM,
            status == GW_LIMIT ? "the file would be larger than 64 MiB" : "out of memory", NULL);
    gw_buf_fini(&whole);
    return code;
}

static int complain_of_password(const struct job *job)
{
    if (job->kind == GW_HASHTEXT_PBKDF2)
        return complain(GW_COMMAND_USAGE, "with pbkdf2 a password does not end with U+0000", NULL);
    return complain(GW_COMMAND_USAGE,
                    "the password has characters that SCRAM does not take as they are",
                    "letters of most scripts, digits and signs are fine; control characters, "
                    "emoji, accents that stand alone and non-breaking spaces are not");
}

static int set_user(const struct job *job, struct gw_span text)
{
    struct gw_span old = GW_SPAN_NONE;
    struct gw_span groups = GW_SPAN_NONE;
    struct gw_buf password;
    struct gw_buf line;
    int code;

    (void)gw_userfile_line(text, gw_span_str(job->user), &old, &groups);
    if (job->groups != NULL)
        groups = gw_span_str(job->groups);
    gw_buf_init(&password, GW_PASSWORD_SIZE_MAX);
    gw_buf_init(&line, ROOM_MAX);
    code = get_password(job, &password);
    if (code == GW_COMMAND_OK) {
        enum gw_status status = make_line(job, gw_buf_span(&password), groups, &line);

        if (status == GW_INVALID)
            code = complain_of_password(job);
        else if (status != GW_OK)
            code = complain(GW_COMMAND_SYSTEM, "out of memory", NULL);
    }
    if (code == GW_COMMAND_OK)
        code = write_file(job, text, old, gw_buf_span(&line));
    gw_password_drop(&password);
    gw_buf_fini(&line);
    return code;
}

static int remove_user(const struct job *job, struct gw_span text)
{
    struct gw_span old;
    struct gw_span groups;

    if (!gw_userfile_line(text, gw_span_str(job->user), &old, &groups)) {
        fprintf(stderr, COMMAND ": there is no user \"%s\" in %s\n", job->user, job->path);
        return 1;
    }
    return write_file(job, text, old, GW_SPAN_NONE);
}

static int run(const struct job *job)
{
    struct gw_buf text;
    int number = 0;
    int code;
    enum gw_status status;

    gw_buf_init(&text, GW_USERFILE_SIZE_MAX);
    status = gw_file_read(job->path, &text, &number);
    if (status == GW_OS_ERROR && number == ENOENT && job->make)
        status = GW_OK;
    else if (status == GW_OK && job->make && memchr(gw_buf_span(&text).data, ':', text.size))
        status = GW_EXISTS;
    if (status == GW_OS_ERROR)
        code = complain_of_file(job, "read", number);
    else if (status == GW_EXISTS)
        code = complain(GW_COMMAND_USAGE, "the file is there and has users",
                        "without -c the user is added; to begin anew, delete the file first");
    else if (status != GW_OK)
        code = complain(GW_COMMAND_SYSTEM, "the file is too large, or memory is out", NULL);
    else
        code =
            job->remove ? remove_user(job, gw_buf_span(&text)) : set_user(job, gw_buf_span(&text));
    gw_buf_fini(&text);
    return code;
}

int gw_passwd_run(const char *program, int argc, char **argv)
{
    struct job job = {.kind = GW_HASHTEXT_ARGON2ID};
    struct gw_arguments words = {COMMAND, argc, argv, 1};
    int code;

    (void)program;
    if (argc == 1 || gw_arguments_take_flag(&words, "-h", "--help")) {
        fputs(usage, argc == 1 ? stderr : stdout);
        return argc == 1 ? GW_COMMAND_USAGE : GW_COMMAND_OK;
    }
    code = read_words(&job, &words);
    if (code == GW_COMMAND_OK)
        code = judge(&job);
    return code == GW_COMMAND_OK ? run(&job) : code;
}

#include "daemon/acl.h"

#include <stdio.h>

#include "auth/access.h"
#include "base/utf8.h"
#include "config/confaccess.h"
#include "config/confreport.h"
#include "daemon/arguments.h"
#include "daemon/command.h"
#include "topic/name.h"

#define EXIT_NO    1
#define TEXT_MAX   ((size_t)1024 * 1024)
#define WORDS_MAX  3
#define PLACE_SIZE 64

static const char usage[] =
    "godwit acl test bob pub devices/9/temp    may user bob publish there? which rule says so?\n"
    "godwit acl test bob sub 'devices/#' --id cam-3   may he subscribe to that?\n"
    "godwit acl test - pub a                   the same for a client without a user\n"
    "godwit acl ls                             the rules in their order\n"
    "\n"
    "  -c, --config FILE     the configuration (YAML; \"-\" is standard input)\n"
    "      --set KEY=VALUE   as godwit serve takes it\n"
    "      --id ID           the client identifier\n"
    "      --group NAME      a group of the user; several with a comma between them\n"
    "      --address ADDRESS where the client comes from; without it rules with an address hold\n"
    "                        if they allow\n"
    "      --listener URL    the listener that it comes by, as in the configuration; without it\n"
    "                        rules with a listener hold if they allow\n"
    "      --certificate F=V what its certificate says, as o=Example; once for each field\n"
    "      --claim NAME=V    what its token says, as role=operator; once for each claim\n"
    "      --qos QOS         of what is published (0)\n"
    "      --retain          what is published is to be retained\n"
    "  -h, --help            this text\n"
    "\n"
    "Ends with 0 for a yes and with 1 for a no.\n";

/* What the command line asks. */
struct request {
    const char *words[WORDS_MAX]; /* user, action, topic */
    size_t word_count;
    const char *id;
    const char *group;
    const char *address;
    const char *listener;
    struct gw_buf attributes; /* of certificate and token */
    const char *qos;
    bool retain;
    bool help;
};

/* -- what a rule is called -- */

static void put_place(const struct gw_config *config, const struct gw_access_rule *rule)
{
    const char *path = rule->from_file        ? config->access_file
                       : config->path != NULL ? config->path
                                              : "--set";
    char place[PLACE_SIZE] = "";

    if (rule->line > 0)
        snprintf(place, sizeof place, ":%u", (unsigned)rule->line);
    printf("%s%s", path, place);
}

static int put_rule(const struct gw_config *config, size_t number)
{
    const struct gw_access_rule *rule = gw_access_at(config->rights, number);
    struct gw_buf text;

    gw_buf_init(&text, TEXT_MAX);
    if (gw_confaccess_print(rule, &text) != GW_OK) {
        gw_buf_fini(&text);
        return GW_COMMAND_SYSTEM;
    }
    printf("%.*s   # %zu, ", GW_SPAN_FMT(gw_buf_span(&text)), number + 1);
    put_place(config, rule);
    putchar('\n');
    gw_buf_fini(&text);
    return GW_COMMAND_OK;
}

static int list_rules(const struct gw_config *config)
{
    int result = GW_COMMAND_OK;

    if (config->rights == NULL) {
        puts("# no rules: everything is allowed but writing $SYS");
        return GW_COMMAND_OK;
    }
    for (size_t i = 0; i < gw_access_count(config->rights) && result == GW_COMMAND_OK; i++)
        result = put_rule(config, i);
    puts("# none of them: denied");
    return result;
}

/* -- a question -- */

static int refuse(const char *what, const char *word, const char *hint)
{
    fprintf(stderr, "godwit acl test: %s \"%s\"\n   hint: %s\n", what, word, hint);
    return GW_COMMAND_USAGE;
}

/* Puts the words of the command line into a question. */
static int read_question(const struct request *request, struct gw_access_question *question,
                         struct gw_identity *who, struct gw_address *address)
{
    const char *user = request->words[0];
    const char *action = request->words[1];
    struct gw_span topic = gw_span_str(request->words[2]);
    bool sub = strcmp(action, "sub") == 0;

    who->anonymous = strcmp(user, "-") == 0;
    who->user = who->anonymous ? GW_SPAN_NONE : gw_span_str(user);
    who->groups = gw_span_str(request->group);
    who->client_id = gw_span_str(request->id);
    question->who = who;
    question->topic = topic;
    question->action = sub ? GW_ACCESS_SUBSCRIBE : GW_ACCESS_PUBLISH;
    question->retain = request->retain;
    who->attributes = gw_buf_span(&request->attributes);
    who->listener = gw_span_str(request->listener);
    question->absent = request->address == NULL || request->listener == NULL;
    if (!sub && strcmp(action, "pub") != 0)
        return refuse("there is no action", action, "it is pub or sub");
    if (sub) {
        struct gw_filter_parts parts;

        if (gw_utf8_check(topic) != GW_UTF8_VALID || gw_filter_split(topic, 0, &parts) != GW_OK)
            return refuse("this is not a topic filter:", request->words[2], "as 'devices/#'");
        question->topic = parts.filter;
    } else if (gw_utf8_check(topic) != GW_UTF8_VALID || gw_name_validate(topic, 0) != GW_OK) {
        return refuse("this is not a topic name:", request->words[2], "as devices/9/temp");
    }
    if (request->qos != NULL) {
        if (request->qos[0] < '0' || request->qos[0] > '2' || request->qos[1] != '\0')
            return refuse("there is no QoS", request->qos, "it is 0, 1 or 2");
        question->qos = (uint8_t)(request->qos[0] - '0');
    }
    if (request->address != NULL) {
        if (gw_address_parse(gw_span_str(request->address), 0, address) != GW_OK)
            return refuse("this is not an address:", request->address, "as 10.1.2.3 or ::1");
        who->address = address;
    }
    return GW_COMMAND_OK;
}

/* user "bob", client "cam-3" */
static void put_who(const struct gw_identity *who)
{
    if (who->anonymous)
        printf("a client without a user");
    else
        printf("user \"%.*s\"", GW_SPAN_FMT(who->user));
    if (who->client_id.size > 0)
        printf(", client \"%.*s\",", GW_SPAN_FMT(who->client_id));
}

static int answer(const struct gw_config *config, const struct gw_access_question *question)
{
    bool sub = question->action == GW_ACCESS_SUBSCRIBE;
    struct gw_access_verdict verdict =
        sub ? gw_access_grant(config->rights, question) : gw_access_judge(config->rights, question);
    bool ruled = verdict.rule < GW_ACCESS_SYSTEM;

    printf("%s: ", verdict.allowed ? "yes" : "no");
    if (verdict.rule == GW_ACCESS_SYSTEM)
        printf("$SYS is the broker's: nothing lets ");
    else if (!ruled)
        printf(verdict.allowed ? "without rules everything lets " : "no access rule lets ");
    else
        printf("access rule %u %s ", (unsigned)verdict.rule + 1,
               verdict.allowed ? "lets" : "does not let");
    put_who(question->who);
    printf(" %s \"%.*s\"\n", sub ? "subscribe to" : "publish to", GW_SPAN_FMT(question->topic));
    if (ruled) {
        printf("   ");
        int result = put_rule(config, verdict.rule);

        if (result != GW_COMMAND_OK)
            return result;
    }
    if (sub && verdict.allowed && !verdict.covered)
        puts("   in part: each message is judged by its own topic");
    if (sub && verdict.allowed && verdict.qos_max < 2)
        printf("   with no more than QoS %u\n", (unsigned)verdict.qos_max);
    return verdict.allowed ? GW_COMMAND_OK : EXIT_NO;
}

static int test_rules(const struct gw_config *config, const struct request *request)
{
    struct gw_access_question question = {0};
    struct gw_identity who = {0};
    struct gw_address address;
    int result = read_question(request, &question, &who, &address);

    return result == GW_COMMAND_OK ? answer(config, &question) : result;
}

/* -- the command line -- */

/* Takes an option that names an attribute; *ret_result is not GW_COMMAND_OK if it cannot be one. */
static bool take_attribute(struct gw_arguments *words, struct gw_buf *attributes, int *ret_result)
{
    struct gw_confreport_error error;
    const char *text = NULL;
    enum gw_status status;
    bool claim = gw_arguments_take_value(words, NULL, "--claim", &text);

    if (!claim && !gw_arguments_take_value(words, NULL, "--certificate", &text))
        return false;
    if (text == NULL)
        status = gw_confreport_set(&error, GW_CONFREPORT_ACCESS, "there is no name and value");
    else if (claim)
        status = gw_confaccess_claim(gw_span_str(text), attributes, &error);
    else
        status = gw_confaccess_certificate(gw_span_str(text), attributes, &error);
    if (status == GW_OK)
        return true;
    *ret_result = GW_COMMAND_USAGE;
    if (status == GW_INVALID)
        fprintf(stderr, "godwit acl test: %s\n   hint: %s\n", error.what,
                error.why[0] != '\0' ? error.why : "as --claim role=operator");
    else
        fputs("godwit acl test: too many attributes, or no memory\n", stderr);
    return true;
}

/* Takes the next word if it is an option of ours or one of the words of a question. */
static bool take(struct gw_arguments *words, struct request *request, size_t word_count)
{
    const char *word = words->argv[words->index];

    if (gw_arguments_take_value(words, NULL, "--id", &request->id) ||
        gw_arguments_take_value(words, NULL, "--group", &request->group) ||
        gw_arguments_take_value(words, NULL, "--address", &request->address) ||
        gw_arguments_take_value(words, NULL, "--listener", &request->listener) ||
        gw_arguments_take_value(words, NULL, "--qos", &request->qos))
        return true;
    if (gw_arguments_take_flag(words, NULL, "--retain")) {
        request->retain = true;
        return true;
    }
    if (gw_arguments_take_flag(words, "-h", "--help")) {
        request->help = true;
        return true;
    }
    if (request->word_count >= word_count || (word[0] == '-' && word[1] != '\0'))
        return false;
    request->words[request->word_count++] = word;
    words->index++;
    return true;
}

static int read_words(struct gw_arguments *words, struct gw_arguments_config *options,
                      struct request *request, size_t word_count)
{
    static const char *const names[] = {"--config",      "--set",   "--id",     "--group",
                                        "--address",     "--qos",   "--retain", "--listener",
                                        "--certificate", "--claim", "--help"};
    int result = GW_COMMAND_OK;

    while (words->index < words->argc) {
        enum gw_arguments_outcome outcome = gw_arguments_config_take(options, words);

        if (outcome == GW_ARGUMENTS_BAD)
            return GW_COMMAND_USAGE;
        if (outcome != GW_ARGUMENTS_TAKEN && take_attribute(words, &request->attributes, &result)) {
            if (result != GW_COMMAND_OK)
                return result;
            continue;
        }
        if (outcome != GW_ARGUMENTS_TAKEN && !take(words, request, word_count))
            return gw_arguments_refuse(words, names, GW_COUNT_OF(names));
    }
    if (!request->help && request->word_count < word_count) {
        fputs("godwit acl test: who, what and which topic?\n"
              "   hint: godwit acl test bob pub devices/9/temp\n",
              stderr);
        return GW_COMMAND_USAGE;
    }
    return GW_COMMAND_OK;
}

static int run(struct gw_arguments *words, struct gw_arguments_config *options, bool test)
{
    struct request request = {0};
    struct gw_config config;

    gw_buf_init(&request.attributes, TEXT_MAX);
    int result = read_words(words, options, &request, test ? WORDS_MAX : 0);
    bool help = result == GW_COMMAND_OK && request.help;
    if (help)
        fputs(usage, stdout);
    else if (result == GW_COMMAND_OK)
        result = gw_arguments_config_load(options, &config);
    if (!help && result == GW_COMMAND_OK) {
        result = test ? test_rules(&config, &request) : list_rules(&config);
        gw_config_fini(&config);
    }
    gw_buf_fini(&request.attributes);
    return result;
}

int gw_acl_run(const char *program, int argc, char **argv)
{
    static const char *const names[] = {"test", "ls", "--help"};
    struct gw_arguments words = {"godwit acl", argc, argv, 1};
    struct gw_arguments_config options;

    (void)program;
    if (argc == 1 || gw_arguments_take_flag(&words, "-h", "--help")) {
        fputs(usage, argc == 1 ? stderr : stdout);
        return argc == 1 ? GW_COMMAND_USAGE : GW_COMMAND_OK;
    }
    bool test = gw_arguments_take_flag(&words, "test", NULL);
    if (!test && !gw_arguments_take_flag(&words, "ls", NULL))
        return gw_arguments_refuse(&words, names, GW_COUNT_OF(names));
    if (!gw_arguments_config_init(&options, argc))
        return GW_COMMAND_SYSTEM;
    int result = run(&words, &options, test);
    gw_arguments_config_fini(&options);
    return result;
}

/* config/config: any text is a configuration or a short report of what is wrong; what was loaded
 * prints to a text that loads to the same values. An input that begins with "!" is one --set. */
#include "fuzz.h"

#include "config/config.h"
#include "config/confprint.h"
#include "config/confreport.h"

#define TEXT_MAX   ((size_t)1 << 20)
#define REPORT_MAX ((size_t)256 * 1024)

static const char *const variables[] = {"NAME=godwit", "SIZE=3MB", "EMPTY=", "BAD=\xFF\x1B[1m",
                                        NULL};

static void check_report(const struct gw_confreport *report)
{
    struct gw_span text = gw_buf_span(&report->text);

    FUZZ_CHECK(report->error_count > 0 && report->status == GW_OK);
    FUZZ_CHECK(text.size > 0 && text.size < REPORT_MAX && text.data[text.size - 1] == '\n');
    for (size_t i = 0; i < text.size; i++)
        FUZZ_CHECK((text.data[i] >= 0x20 || text.data[i] == '\n') && text.data[i] != 0x7F);
}

static void check_round_trip(const struct gw_config *config)
{
    struct gw_config again;
    struct gw_config copy;
    struct gw_buf text;
    struct gw_span span;
    struct gw_config_input input = {.text = &span};

    gw_buf_init(&text, TEXT_MAX);
    FUZZ_CHECK(gw_confprint_effective(config, &text) == GW_OK);
    span = gw_buf_span(&text);
    FUZZ_CHECK(gw_config_load(&input, &again, NULL) == GW_OK);
    FUZZ_CHECK(gw_config_diff(config, &again, NULL, NULL) == 0);
    FUZZ_CHECK(gw_config_copy(config, &copy) == GW_OK);
    FUZZ_CHECK(gw_config_diff(config, &copy, NULL, NULL) == 0);
    gw_config_fini(&again);
    gw_config_fini(&copy);
    gw_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_span text = gw_span_of(data, size);
    uint8_t *copy = fuzz_copy(text);
    char *set = calloc(size + 1, 1);
    const char *sets[] = {set};
    struct gw_config_input input = {.path = NULL, .text = &text, .env = variables, .sets = sets};
    struct gw_confreport report;
    struct gw_config config;

    FUZZ_CHECK(set != NULL);
    text.data = copy;
    if (size > 0 && data[0] == '!') {
        memcpy(set, data + 1, size - 1);
        input.text = NULL;
        input.set_count = 1;
    }
    gw_confreport_init(&report);
    if (gw_config_load(&input, &config, &report) == GW_OK) {
        FUZZ_CHECK(report.error_count == 0 && config.listeners.count > 0);
        check_round_trip(&config);
        gw_config_fini(&config);
    } else {
        check_report(&report);
    }
    gw_confreport_fini(&report);
    free(set);
    free(copy);
    return 0;
}

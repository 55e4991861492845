#include "sim/simnames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* -- lists -- */

const struct simnames_entry *simnames_find(const struct simnames_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i].name, name) == 0)
            return &list->at[i];
    return NULL;
}

static bool holds_node(const struct simnames_list *list, size_t node)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].node == node)
            return true;
    return false;
}

static void remove_name(struct simnames_list *list, const char *name)
{
    const struct simnames_entry *entry = simnames_find(list, name);
    if (entry)
        list->at[entry - list->at] = list->at[--list->count];
}

static void put_name(struct simnames_list *list, const char *name, size_t node)
{
    remove_name(list, name);
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 8;
        list->at = realloc(list->at, list->capacity * sizeof *list->at);
        GW_ASSERT(list->at != NULL);
    }
    struct simnames_entry *entry = &list->at[list->count++];
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->node = node;
}

static void copy_list(struct simnames_list *to, const struct simnames_list *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        put_name(to, from->at[i].name, from->at[i].node);
}

/* -- steps -- */

static void apply(struct simnames_list *list, const struct simnames_step *step)
{
    if (step->from[0])
        remove_name(list, step->from);
    if (step->to[0])
        put_name(list, step->to, step->node);
}

/* With other steps undone a step may have become impossible: its name is not there, or it would put
 * away a file that nobody removed. */
static bool possible(const struct simnames *names, const struct simnames_step *step)
{
    if (step->from[0]) {
        const struct simnames_entry *from = simnames_find(&names->kept, step->from);
        if (!from || from->node != step->node)
            return false;
    }
    if (!step->to[0])
        return true;
    const struct simnames_entry *victim = simnames_find(&names->kept, step->to);
    return !victim || (step->from[0] && !holds_node(&names->now, victim->node));
}

static void add_step(struct simnames *names, const struct simnames_step *step)
{
    if (names->step_count == names->step_capacity) {
        names->step_capacity = names->step_capacity ? 2 * names->step_capacity : 8;
        names->steps = realloc(names->steps, names->step_capacity * sizeof *names->steps);
        GW_ASSERT(names->steps != NULL);
    }
    names->steps[names->step_count++] = *step;
}

/* A file system with a journal keeps the steps up to some point; one without keeps any of them. */
static void tear(struct simnames *names, struct gw_random *random)
{
    bool journal = gw_random_below(random, 2) == 0;
    size_t upto = (size_t)gw_random_below(random, names->step_count + 1);
    for (size_t i = 0; i < names->step_count; i++) {
        bool keep = journal ? i < upto : gw_random_below(random, 2) == 0;
        if (keep && possible(names, &names->steps[i]))
            apply(&names->kept, &names->steps[i]);
    }
}

/* -- for the disk -- */

void simnames_fini(struct simnames *names)
{
    free(names->now.at);
    free(names->kept.at);
    free(names->steps);
    *names = (struct simnames){0};
}

void simnames_copy(struct simnames *to, const struct simnames *from)
{
    copy_list(&to->now, &from->now);
    copy_list(&to->kept, &from->kept);
    for (size_t i = 0; i < from->step_count; i++)
        add_step(to, &from->steps[i]);
}

void simnames_change(struct simnames *names, const char *from, const char *to, size_t node)
{
    struct simnames_step step = {.node = node};
    snprintf(step.from, sizeof step.from, "%s", from ? from : "");
    snprintf(step.to, sizeof step.to, "%s", to ? to : "");
    apply(&names->now, &step);
    add_step(names, &step);
}

void simnames_sync(struct simnames *names)
{
    copy_list(&names->kept, &names->now);
    names->step_count = 0;
}

void simnames_crash(struct simnames *names, enum simfile_fate fate, struct gw_random *random)
{
    if (fate == SIMFILE_KEEP)
        copy_list(&names->kept, &names->now);
    else if (fate == SIMFILE_TEAR)
        tear(names, random);
    copy_list(&names->now, &names->kept);
    names->step_count = 0;
}

bool simnames_mention(const struct simnames *names, size_t node)
{
    if (holds_node(&names->now, node) || holds_node(&names->kept, node))
        return true;
    for (size_t i = 0; i < names->step_count; i++)
        if (names->steps[i].node == node)
            return true;
    return false;
}

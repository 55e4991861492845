#include "broker/sponsor.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "broker/checker.h"

struct gw_sponsor {
    atomic_uint refs; /* unref releases, the last one acquires */
    const struct gw_backend_ops *ops;
    void *backend;
    uint64_t id;
    struct gw_checker *pool;
};

struct gw_sponsor *gw_sponsor_new(const struct gw_sponsor_options *options)
{
    struct gw_sponsor *sponsor = calloc(1, sizeof(*sponsor));
    struct gw_checker_options pool = {
        .name = "godwit-auth",
        .workers = options->workers > 0 ? options->workers : 1,
        .ctx = options->backend,
        .enter = options->ops->enter,
        .leave = options->ops->leave,
    };
    if (sponsor)
        sponsor->pool = gw_checker_new(&pool);
    if (!sponsor || !sponsor->pool) {
        free(sponsor);
        options->ops->close(options->backend);
        return NULL;
    }
    atomic_init(&sponsor->refs, 1);
    sponsor->ops = options->ops;
    sponsor->backend = options->backend;
    sponsor->id = options->id;
    return sponsor;
}

struct gw_sponsor *gw_sponsor_ref(struct gw_sponsor *sponsor)
{
    atomic_fetch_add_explicit(&sponsor->refs, 1, memory_order_relaxed);
    return sponsor;
}

void gw_sponsor_unref(struct gw_sponsor *sponsor)
{
    if (!sponsor || atomic_fetch_sub_explicit(&sponsor->refs, 1, memory_order_acq_rel) != 1)
        return;
    gw_checker_stop(sponsor->pool);
    gw_checker_free(sponsor->pool);
    sponsor->ops->close(sponsor->backend);
    free(sponsor);
}

bool gw_sponsor_is_alone(const struct gw_sponsor *sponsor)
{
    return atomic_load_explicit(&sponsor->refs, memory_order_acquire) == 1;
}

uint64_t gw_sponsor_id(const struct gw_sponsor *sponsor)
{
    return sponsor->id;
}

const struct gw_backend_ops *gw_sponsor_ops(const struct gw_sponsor *sponsor)
{
    return sponsor->ops;
}

bool gw_sponsor_stands(const struct gw_sponsor *sponsor, uint64_t proof)
{
    return !sponsor->ops->stands || sponsor->ops->stands(sponsor->backend, proof);
}

struct gw_checker *gw_sponsor_pool(struct gw_sponsor *sponsor)
{
    return sponsor->pool;
}

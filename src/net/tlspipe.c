#include "net/tlspipe.h"

static int pipe_read(BIO *bio, char *memory, size_t size, size_t *ret_size)
{
    struct gw_tlspipe *pipe = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *ret_size = 0;
    if (pipe->recv_status != GW_OK)
        return 0;
    enum gw_status status = GW_AGAIN;
    if (!pipe->dry)
        status = gw_transport_recv(pipe->transport, memory, size, ret_size, &pipe->os_errno);
    if (status == GW_OK) {
        /* The poller tells of what is left, or of more: asking for EAGAIN costs a system call. */
        pipe->dry = *ret_size < size;
        if (pipe->first < 0)
            pipe->first = (uint8_t)memory[0];
        return 1;
    }
    if (status == GW_AGAIN) {
        pipe->dry = true;
        BIO_set_retry_read(bio);
        return 0;
    }
    pipe->recv_status = status;
    return 0;
}

static int pipe_write(BIO *bio, const char *memory, size_t size, size_t *ret_size)
{
    struct gw_tlspipe *pipe = BIO_get_data(bio);
    struct iovec part = {(void *)(uintptr_t)memory, size};
    BIO_clear_retry_flags(bio);
    *ret_size = 0;
    if (pipe->send_status != GW_OK)
        return 0;
    enum gw_status status =
        gw_transport_sendv(pipe->transport, &part, 1, ret_size, &pipe->os_errno);
    if (status == GW_OK && *ret_size > 0)
        return 1;
    if (status == GW_OK || status == GW_AGAIN)
        BIO_set_retry_write(bio);
    else
        pipe->send_status = status;
    return 0;
}

static long pipe_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct gw_tlspipe *pipe = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_FLUSH)
        return 1;
    return command == BIO_CTRL_EOF && pipe->recv_status != GW_OK;
}

BIO_METHOD *gw_tlspipe_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "godwit");
    if (method == NULL)
        return NULL;
    BIO_meth_set_read_ex(method, pipe_read);
    BIO_meth_set_write_ex(method, pipe_write);
    BIO_meth_set_ctrl(method, pipe_ctrl);
    return method;
}

BIO *gw_tlspipe_new(const BIO_METHOD *method, struct gw_tlspipe *pipe)
{
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, pipe);
    BIO_set_init(bio, 1);
    return bio;
}

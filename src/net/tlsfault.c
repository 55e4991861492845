#include "net/tlsfault.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/fileinfo.h"
#include "os/process.h"

#define RECORD_HANDSHAKE 0x16 /* first byte of every TLS connection */
#define RECORD_ALERT     0x15
#define MQTT_CONNECT     0x10

enum gw_status gw_tlsfault_set(struct gw_tlsfault *fault, const char *code, const char *format, ...)
{
    va_list args;
    if (fault == NULL)
        return GW_INVALID;
    *fault = (struct gw_tlsfault){.code = code};
    va_start(args, format);
    vsnprintf(fault->what, sizeof fault->what, format, args);
    va_end(args);
    return GW_INVALID;
}

void gw_tlsfault_detail(struct gw_tlsfault *fault, const char *format, ...)
{
    va_list args;
    if (fault == NULL)
        return;
    va_start(args, format);
    vsnprintf(fault->detail, sizeof fault->detail, format, args);
    va_end(args);
}

void gw_tlsfault_hint(struct gw_tlsfault *fault, const char *format, ...)
{
    va_list args;
    if (fault == NULL)
        return;
    va_start(args, format);
    vsnprintf(fault->hint, sizeof fault->hint, format, args);
    va_end(args);
}

enum gw_status gw_tlsfault_file(struct gw_tlsfault *fault, const char *what, const char *path,
                                int os_errno)
{
    char user[64];
    struct gw_fileinfo_blame blame;
    if (os_errno != EACCES && os_errno != EPERM) {
        gw_tlsfault_set(fault, "T202", "cannot read the %s %s: %s", what, path,
                        os_errno != 0 ? strerror(os_errno) : "it is too large");
        gw_tlsfault_hint(fault, "godwit config show --effective says where the path was written");
        return GW_INVALID;
    }
    gw_process_user(user, sizeof user);
    gw_tlsfault_set(fault, "T203", "cannot read the %s %s: permission denied (running as user %s)",
                    what, path, user);
    if (fault != NULL)
        fault->permission = true;
    if (gw_fileinfo_blame(path, &blame))
        gw_tlsfault_detail(fault, "%s is %s %s", blame.path, blame.mode, blame.owner);
    gw_tlsfault_hint(fault, "setfacl -m u:%s:rX on it and the directories above", user);
    return GW_INVALID;
}

const char *gw_tlsfault_reason(void)
{
    unsigned long error = ERR_peek_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    ERR_clear_error();
    return reason != NULL ? reason : "unknown reason";
}

struct words {
    int reason;
    const char *text;
};

/* Alerts of the peer, and what we found ourselves. */
static const struct words common[] = {
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "the peer does not trust our certificate: it does not know the CA that signed it"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the peer does not accept our certificate"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the peer does not accept our certificate"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "the peer cannot use our kind of certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the peer says that our certificate is revoked"},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, "the peer cannot verify our signature"},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the peer refuses us (alert access denied)"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "no shared protocol version, says the peer"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "the peer found no cipher, curve or certificate that both sides can use"},
    {SSL_R_TLSV1_ALERT_INTERNAL_ERROR, "the peer failed inside (alert internal error)"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the peer wants a certificate of ours"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, "the peer speaks none of the protocols we offer"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, "the peer does not know the name that was asked for"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "the peer offers no application protocol (ALPN) of ours"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "no shared protocol version"},
    {SSL_R_VERSION_TOO_LOW, "no shared protocol version"},
    {SSL_R_VERSION_TOO_HIGH, "no shared protocol version"},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, "no protocol version is left to offer"},
    {SSL_R_NO_SHARED_CIPHER, "no shared cipher"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no shared signature algorithm"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, "no shared curve"},
    {SSL_R_NO_SHARED_GROUPS, "no shared curve"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
     "the client sent no certificate, and this listener requires one"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "a record of the peer is damaged"},
    {SSL_R_BAD_RECORD_TYPE, "a record of the peer has no known type"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, "a record of the peer is too long"},
    {SSL_R_DATA_LENGTH_TOO_LONG, "a record of the peer is too long"},
    {SSL_R_NO_RENEGOTIATION, "the peer wants to renegotiate, which is not allowed"},
    {SSL_R_HTTP_REQUEST, "an HTTP request on a TLS port"},
    {SSL_R_HTTPS_PROXY_REQUEST, "a proxy request on a TLS port"},
};

/* Somebody who does not speak TLS at all. */
static const char *stranger_words(int first, bool server)
{
    if (!server)
        return first >= 0x20 && first < 0xF0 && first != RECORD_HANDSHAKE
                   ? "the server does not speak TLS on this port (plain MQTT?)"
                   : NULL;
    if (first == MQTT_CONNECT)
        return "plain MQTT on a TLS port";
    if (first >= 'A' && first <= 'Z')
        return "an HTTP request on a TLS port";
    return "what came is not TLS";
}

const char *gw_tlsfault_handshake(int first, bool server)
{
    int reason = ERR_GET_REASON(ERR_peek_error());
    const char *text = gw_tlsfault_reason();
    if (first >= 0 && first != RECORD_HANDSHAKE && first != RECORD_ALERT) {
        const char *stranger = stranger_words(first, server);
        if (stranger != NULL)
            return stranger;
    }
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (common[i].reason == reason)
            return common[i].text;
    return text;
}

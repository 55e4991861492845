#include "net/tlsfault.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
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
        gw_tlsfault_hint(fault, "a path without / in front begins at the working directory");
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
    {SSL_R_SSLV3_ALERT_BAD_RECORD_MAC, "the peer cannot read us: the keys differ"},
    {SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER, "the peer minds a parameter of ours"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY, "the peer does not know our identity"},
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

/* -- what a client tells its user -- */

/* Appends one name in quotes; what cannot be shown is left out. */
static void add_name(char *text, size_t size, const char *name, size_t name_size)
{
    size_t used = strlen(text);
    for (size_t i = 0; i < name_size; i++)
        if (name[i] < ' ' || name[i] == 0x7F)
            return;
    snprintf(text + used, size - used, "%s\"%.*s\"", used > 0 ? ", " : "", (int)name_size, name);
}

static void add_alternative(char *text, size_t size, const GENERAL_NAME *name)
{
    char address[INET6_ADDRSTRLEN];
    const unsigned char *data;
    if (name->type == GEN_DNS) {
        add_name(text, size, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                 (size_t)ASN1_STRING_length(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
        data = ASN1_STRING_get0_data(name->d.iPAddress);
        int family = ASN1_STRING_length(name->d.iPAddress) == 16 ? AF_INET6 : AF_INET;
        if (ASN1_STRING_length(name->d.iPAddress) >= 4 &&
            inet_ntop(family, data, address, sizeof address) != NULL)
            add_name(text, size, address, strlen(address));
    }
}

static void add_common_name(char *text, size_t size, X509_NAME *name)
{
    char value[256];
    if (X509_NAME_get_text_by_NID(name, NID_commonName, value, sizeof value) > 0)
        add_name(text, size, value, strlen(value));
}

/* The names of a certificate as a list: those that count, else the common name. */
static void list_names(X509 *cert, char *text, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    text[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        add_alternative(text, size, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    if (text[0] == '\0')
        add_common_name(text, size, X509_get_subject_name(cert));
    if (text[0] == '\0')
        snprintf(text, size, "nobody");
}

static void date_text(const ASN1_TIME *time, char *text, size_t size)
{
    struct tm when;
    if (ASN1_TIME_to_tm(time, &when) != 1 || strftime(text, size, "%Y-%m-%d %H:%M UTC", &when) == 0)
        snprintf(text, size, "an unknown date");
}

static void untrusted(struct gw_tlsfault *fault, X509 *cert, const char *host)
{
    char issuer[200] = "";
    add_common_name(issuer, sizeof issuer, X509_get_issuer_name(cert));
    gw_tlsfault_set(fault, "T211",
                    "%s presented a certificate signed by %s, which is not among those we trust",
                    host, issuer[0] != '\0' ? issuer : "somebody without a name");
    gw_tlsfault_hint(fault, "--cafile FILE with the certificate of that CA; --tls-use-os-certs for "
                            "the CAs of this system");
}

void gw_tlsfault_refused(struct gw_tlsfault *fault, X509 *cert, long result, const char *host)
{
    char text[300];
    switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        list_names(cert, text, sizeof text);
        gw_tlsfault_set(fault, "T210", "%s presented a certificate for %s; we asked for \"%s\"",
                        host, text, host);
        gw_tlsfault_hint(fault,
                         "connect with -h and a name it has, or make a certificate with that "
                         "name: godwit cert server --add %.80s",
                         host);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: untrusted(fault, cert, host); break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        date_text(X509_get0_notAfter(cert), text, sizeof text);
        gw_tlsfault_set(fault, "T212", "the certificate of %s has expired (%s)", host, text);
        gw_tlsfault_hint(fault, "the server needs a new one; is the clock of this machine right?");
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        date_text(X509_get0_notBefore(cert), text, sizeof text);
        gw_tlsfault_set(fault, "T212", "the certificate of %s is not valid before %s", host, text);
        gw_tlsfault_hint(fault, "is the clock of this machine right?");
        break;
    default:
        gw_tlsfault_set(fault, "T213", "the certificate of %s is not good: %s", host,
                        X509_verify_cert_error_string(result));
    }
}

void gw_tlsfault_key(struct gw_tlsfault *fault, const char *trouble, const char *host)
{
    gw_tlsfault_set(fault, "T216", "%s does not take our pre-shared key: %s", host,
                    trouble != NULL ? trouble : "it shows a certificate instead");
    gw_tlsfault_hint(fault, "are identity and key as in its tls.psk_file? its log says what it "
                            "minds");
}

void gw_tlsfault_failed(struct gw_tlsfault *fault, const char *trouble, const char *host)
{
    gw_tlsfault_set(fault, "T214", "no TLS with %s: %s", host,
                    trouble != NULL ? trouble : "the handshake failed");
    if (trouble != NULL && strstr(trouble, "certificate of ours") != NULL)
        gw_tlsfault_hint(fault, "--cert FILE and --key FILE");
}

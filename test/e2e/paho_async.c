/*
 * A peer on Paho's asynchronous C library: one client that does what its standard input says and
 * prints what happens, a line each. test_paho_c.py compiles and drives it.
 *
 *     paho_async URI ID VERSION KEEP [WILL-TOPIC WILL-PAYLOAD WILL-QOS WILL-DELAY]
 *
 * VERSION is 3 (3.1), 4 (3.1.1) or 5; KEEP is 1 to keep the session. It comes back by itself when
 * its connection breaks.
 */
#include <MQTTAsync.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT 100 /* the library waits a second each time that it has sent as many */

struct peer {
    MQTTAsync client;
    int version;
    pthread_mutex_t lock;
    int open;  /* publications that are not complete; under lock */
    int asked; /* how many the current command began */
};

static void check(int code, const char *what)
{
    if (code != MQTTASYNC_SUCCESS) {
        printf("failed %s %d %s\n", what, code, MQTTAsync_strerror(code));
        exit(1);
    }
}

/* -- what the library tells -- */

static void on_connected(void *context, char *cause)
{
    (void)context;
    (void)cause;
    printf("connected\n");
}

static void on_lost(void *context, char *cause)
{
    struct peer *peer = context;
    (void)cause;
    printf("lost\n");
    MQTTAsync_reconnect(peer->client); /* now, not at the library's next look */
}

static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    (void)context;
    (void)properties;
    printf("told %d\n", (int)reason);
}

static void print_properties(MQTTProperties *properties)
{
    for (int i = 0; i < properties->count; i++) {
        const MQTTProperty *p = &properties->array[i];
        switch (p->identifier) {
        case MQTTPROPERTY_CODE_USER_PROPERTY:
            printf(" %.*s=%.*s", p->value.data.len, p->value.data.data, p->value.value.len,
                   p->value.value.data);
            break;
        case MQTTPROPERTY_CODE_CONTENT_TYPE:
        case MQTTPROPERTY_CODE_RESPONSE_TOPIC:
        case MQTTPROPERTY_CODE_CORRELATION_DATA:
            printf(" %d:%.*s", (int)p->identifier, p->value.data.len, p->value.data.data);
            break;
        case MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR: printf(" 1:%d", p->value.byte); break;
        default: printf(" %d:%u", (int)p->identifier, p->value.integer4);
        }
    }
}

static int on_message(void *context, char *topic, int topic_size, MQTTAsync_message *message)
{
    struct peer *peer = context;
    (void)topic_size;
    unsigned long sum = 0; /* of large payloads, which are not printed */
    const unsigned char *bytes = message->payload;
    for (int i = 0; i < message->payloadlen; i++)
        sum = sum * 31 + bytes[i];
    flockfile(stdout);
    printf("message %s %d %d ", topic, message->qos, message->retained);
    if (message->payloadlen < 2000)
        printf("%.*s", message->payloadlen, (const char *)message->payload);
    else
        printf("%d:%lu", message->payloadlen, sum);
    if (peer->version == MQTTVERSION_5)
        print_properties(&message->properties);
    printf("\n");
    funlockfile(stdout);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void on_delivered(void *context, MQTTAsync_token token)
{
    struct peer *peer = context;
    (void)token;
    pthread_mutex_lock(&peer->lock);
    if (--peer->open == 0)
        printf("delivered %d\n", peer->asked);
    pthread_mutex_unlock(&peer->lock);
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    (void)context;
    printf("done %d\n", data ? data->alt.qos : 0);
}

static void on_success_5(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    printf("done %d\n", (int)data->reasonCode);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    (void)context;
    printf("refused %d\n", data ? data->code : 0);
}

static void on_failure_5(void *context, MQTTAsync_failureData5 *data)
{
    (void)context;
    printf("refused %d\n", (int)data->reasonCode);
}

/* -- what it is asked to do -- */

static MQTTAsync_responseOptions response_of(struct peer *peer)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    if (peer->version == MQTTVERSION_5) {
        options.onSuccess5 = on_success_5;
        options.onFailure5 = on_failure_5;
    } else {
        options.onSuccess = on_success;
        options.onFailure = on_failure;
    }
    return options;
}

static void connect_peer(struct peer *peer, bool keep, MQTTAsync_willOptions *will,
                         MQTTProperties *will_properties)
{
    MQTTAsync_connectOptions of_3 = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions of_5 = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions options = peer->version == MQTTVERSION_5 ? of_5 : of_3;
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                           .value = {.integer4 = keep ? 900 : 0}};
    options.MQTTVersion = peer->version;
    options.automaticReconnect = 1;
    options.minRetryInterval = options.maxRetryInterval = 1;
    options.maxInflight = IN_FLIGHT;
    options.will = will;
    if (peer->version == MQTTVERSION_5) {
        MQTTProperties_add(&properties, &expiry);
        options.connectProperties = &properties;
        options.willProperties = will ? will_properties : NULL;
        options.cleanstart = !keep;
    } else {
        options.cleansession = !keep;
    }
    check(MQTTAsync_connect(peer->client, &options), "connect");
    MQTTProperties_free(&properties);
}

static void add_property(MQTTProperties *properties, const char *word)
{
    MQTTProperty property = {0};
    char name[100], value[100];
    unsigned number;
    if (sscanf(word, "%u:%99s", &number, value) == 2) {
        property.identifier = (enum MQTTPropertyCodes)number;
        property.value.integer4 = (unsigned)strtoul(value, NULL, 10);
        if (number == MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR)
            property.value.byte = (unsigned char)(value[0] - '0');
        else if (number == MQTTPROPERTY_CODE_TOPIC_ALIAS)
            property.value.integer2 = (unsigned short)strtoul(value, NULL, 10);
        else if (number != MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL)
            property.value.data = (MQTTLenString){(int)strlen(value), value};
    } else if (sscanf(word, "%99[^=]=%99s", name, value) == 2) {
        property.identifier = MQTTPROPERTY_CODE_USER_PROPERTY;
        property.value.data = (MQTTLenString){(int)strlen(name), name};
        property.value.value = (MQTTLenString){(int)strlen(value), value};
    }
    MQTTProperties_add(properties, &property);
}

/* The next `count` publications belong to one command; QoS 0 has no completion to wait for. */
static void begin(struct peer *peer, int qos, int count)
{
    pthread_mutex_lock(&peer->lock);
    peer->open += qos > 0 ? count : 0;
    peer->asked = count;
    pthread_mutex_unlock(&peer->lock);
}

static void send_one(struct peer *peer, const char *topic, MQTTAsync_message *message)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.properties = message->properties; /* it takes them from here */
    check(MQTTAsync_sendMessage(peer->client, topic, message, &options), "send");
}

/* publish TOPIC QOS RETAIN PAYLOAD [PROPERTY ...]; a payload of - is empty. */
static void publish(struct peer *peer, char *words)
{
    char topic[200], payload[200], property[200];
    MQTTAsync_message message = MQTTAsync_message_initializer;
    int used = 0;
    if (sscanf(words, "%199s %d %d %199s%n", topic, &message.qos, &message.retained, payload,
               &used) != 4)
        check(-1, words);
    message.payload = payload;
    message.payloadlen = strcmp(payload, "-") == 0 ? 0 : (int)strlen(payload);
    for (int size = 0; sscanf(words += used, "%199s%n", property, &size) == 1; used = size)
        add_property(&message.properties, property);
    begin(peer, message.qos, 1);
    send_one(peer, topic, &message);
    MQTTProperties_free(&message.properties);
}

/* numbers TOPIC QOS COUNT: that many messages as fast as they go. */
static void numbers(struct peer *peer, const char *words)
{
    char topic[200], payload[20];
    MQTTAsync_message message = MQTTAsync_message_initializer;
    int count;
    if (sscanf(words, "%199s %d %d", topic, &message.qos, &count) != 3)
        check(-1, words);
    begin(peer, message.qos, count);
    for (int i = 0; i < count; i++) {
        message.payload = payload;
        message.payloadlen = snprintf(payload, sizeof(payload), "%d", i);
        send_one(peer, topic, &message);
    }
}

/* large TOPIC QOS SIZE: one message of that many bytes; prints its size and sum as well. */
static void large(struct peer *peer, const char *words)
{
    char topic[200];
    unsigned long sum = 0;
    MQTTAsync_message message = MQTTAsync_message_initializer;
    if (sscanf(words, "%199s %d %d", topic, &message.qos, &message.payloadlen) != 3)
        check(-1, words);
    unsigned char *bytes = malloc((size_t)message.payloadlen);
    if (!bytes)
        check(-1, "memory");
    for (int i = 0; i < message.payloadlen; i++)
        sum = sum * 31 + (bytes[i] = (unsigned char)(i * 7 + i / 251));
    begin(peer, message.qos, 1);
    message.payload = bytes;
    send_one(peer, topic, &message);
    printf("sum %d:%lu\n", message.payloadlen, sum);
    free(bytes);
}

static void subscribe(struct peer *peer, const char *words)
{
    char filter[200];
    int qos;
    MQTTAsync_responseOptions options = response_of(peer);
    if (sscanf(words, "%199s %d", filter, &qos) == 2)
        check(MQTTAsync_subscribe(peer->client, filter, qos, &options), "subscribe");
}

static void unsubscribe(struct peer *peer, const char *words)
{
    char filter[200];
    MQTTAsync_responseOptions options = response_of(peer);
    if (sscanf(words, "%199s", filter) == 1)
        check(MQTTAsync_unsubscribe(peer->client, filter, &options), "unsubscribe");
}

static void disconnect(struct peer *peer)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    if (peer->version == MQTTVERSION_5) {
        options.onSuccess5 = on_success_5;
        options.onFailure5 = on_failure_5;
    } else {
        options.onSuccess = on_success;
        options.onFailure = on_failure;
    }
    check(MQTTAsync_disconnect(peer->client, &options), "disconnect");
}

static void obey(struct peer *peer, char *line)
{
    char word[20];
    int used = 0;
    if (sscanf(line, "%19s%n", word, &used) != 1)
        return;
    if (strcmp(word, "publish") == 0)
        publish(peer, line + used);
    else if (strcmp(word, "numbers") == 0)
        numbers(peer, line + used);
    else if (strcmp(word, "large") == 0)
        large(peer, line + used);
    else if (strcmp(word, "subscribe") == 0)
        subscribe(peer, line + used);
    else if (strcmp(word, "unsubscribe") == 0)
        unsubscribe(peer, line + used);
    else if (strcmp(word, "disconnect") == 0)
        disconnect(peer);
    else
        check(-1, word);
}

int main(int count, char **words)
{
    if (count != 5 && count != 9)
        return 64;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct peer peer = {.version = atoi(words[3]), .lock = PTHREAD_MUTEX_INITIALIZER};
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = peer.version;
    options.sendWhileDisconnected = 1;
    options.maxBufferedMessages = 10000;
    check(MQTTAsync_createWithOptions(&peer.client, words[1], words[2], MQTTCLIENT_PERSISTENCE_NONE,
                                      NULL, &options),
          "create");
    check(MQTTAsync_setCallbacks(peer.client, &peer, on_lost, on_message, on_delivered),
          "callbacks");
    check(MQTTAsync_setConnected(peer.client, &peer, on_connected), "callbacks");
    if (peer.version == MQTTVERSION_5)
        check(MQTTAsync_setDisconnected(peer.client, &peer, on_disconnected), "callbacks");
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTProperties will_properties = MQTTProperties_initializer;
    if (count == 9) {
        MQTTProperty delay = {.identifier = MQTTPROPERTY_CODE_WILL_DELAY_INTERVAL,
                              .value = {.integer4 = (unsigned)atoi(words[8])}};
        will.topicName = words[5];
        will.message = words[6];
        will.qos = atoi(words[7]);
        MQTTProperties_add(&will_properties, &delay);
        add_property(&will_properties, "z=1");
        add_property(&will_properties, "a=2");
    }
    connect_peer(&peer, words[4][0] == '1', count == 9 ? &will : NULL, &will_properties);
    MQTTProperties_free(&will_properties);
    char line[1000];
    while (fgets(line, sizeof(line), stdin))
        obey(&peer, line);
    MQTTAsync_destroy(&peer.client);
    return 0;
}

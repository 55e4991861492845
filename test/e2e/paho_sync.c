/*
 * A peer on Paho's synchronous C library: connects, subscribes, publishes, and reads it all back in
 * one thread. test_paho_c.py compiles and runs it.
 *
 *     paho_sync URI ID VERSION QOS TOPIC COUNT
 *
 * Subscribes to TOPIC/#, publishes COUNT messages of 1,000 bytes to TOPIC/n and a retained one,
 * holds each against what came back, deletes the retained one, and leaves. Exit code 0 is success.
 */
#include <MQTTClient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS      30000
#define PAYLOAD_SIZE 1000

struct run {
    MQTTClient client;
    int version;
    int qos;
    const char *topic;
};

static void check(int good, const char *what, int value)
{
    if (!good) {
        printf("failed %s %d\n", what, value);
        exit(1);
    }
}

static void connect_client(struct run *run)
{
    MQTTClient_connectOptions of_3 = MQTTClient_connectOptions_initializer;
    MQTTClient_connectOptions of_5 = MQTTClient_connectOptions_initializer5;
    of_3.MQTTVersion = run->version;
    of_3.maxInflightMessages = of_5.maxInflightMessages = 20;
    if (run->version == MQTTVERSION_5) {
        of_5.cleanstart = 1;
        MQTTResponse answer = MQTTClient_connect5(run->client, &of_5, NULL, NULL);
        check(answer.reasonCode == MQTTREASONCODE_SUCCESS, "connect", (int)answer.reasonCode);
        MQTTResponse_free(answer);
    } else {
        int code = MQTTClient_connect(run->client, &of_3);
        check(code == MQTTCLIENT_SUCCESS, "connect", code);
    }
}

static void subscribe(struct run *run, const char *filter)
{
    if (run->version == MQTTVERSION_5) {
        MQTTResponse answer = MQTTClient_subscribe5(run->client, filter, run->qos, NULL, NULL);
        check((int)answer.reasonCode == run->qos, "subscribe", (int)answer.reasonCode);
        MQTTResponse_free(answer);
    } else {
        int code = MQTTClient_subscribe(run->client, filter, run->qos);
        check(code == MQTTCLIENT_SUCCESS, "subscribe", code);
    }
}

static void unsubscribe(struct run *run, const char *filter)
{
    if (run->version == MQTTVERSION_5) {
        MQTTResponse answer = MQTTClient_unsubscribe5(run->client, filter, NULL);
        check(answer.reasonCode == MQTTREASONCODE_SUCCESS, "unsubscribe", (int)answer.reasonCode);
        MQTTResponse_free(answer);
    } else {
        int code = MQTTClient_unsubscribe(run->client, filter);
        check(code == MQTTCLIENT_SUCCESS, "unsubscribe", code);
    }
}

static void publish(struct run *run, int number, int retained, int size)
{
    char topic[300], payload[PAYLOAD_SIZE + 1];
    snprintf(topic, sizeof(topic), "%s/%d", run->topic, number);
    snprintf(payload, sizeof(payload), "%01000d", number);
    MQTTClient_message message = MQTTClient_message_initializer;
    message.payload = payload;
    message.payloadlen = size;
    message.qos = run->qos;
    message.retained = retained;
    MQTTClient_deliveryToken token;
    if (run->version == MQTTVERSION_5) {
        MQTTResponse answer = MQTTClient_publishMessage5(run->client, topic, &message, &token);
        check(answer.reasonCode == MQTTREASONCODE_SUCCESS, "publish", (int)answer.reasonCode);
        MQTTResponse_free(answer);
    } else {
        int code = MQTTClient_publishMessage(run->client, topic, &message, &token);
        check(code == MQTTCLIENT_SUCCESS, "publish", code);
    }
    if (run->qos > 0) {
        int code = MQTTClient_waitForCompletion(run->client, token, WAIT_MS);
        check(code == MQTTCLIENT_SUCCESS, "completion", code);
    }
}

static void receive(struct run *run, int number, int retained)
{
    char want[300];
    char *topic = NULL;
    int topic_size;
    MQTTClient_message *message = NULL;
    int code = MQTTClient_receive(run->client, &topic, &topic_size, &message, WAIT_MS);
    check(code == MQTTCLIENT_SUCCESS || code == MQTTCLIENT_TOPICNAME_TRUNCATED, "receive", code);
    check(message != NULL, "message", number);
    snprintf(want, sizeof(want), "%s/%d", run->topic, number);
    check(strcmp(topic, want) == 0, "topic", number);
    check(message->payloadlen == PAYLOAD_SIZE, "size", message->payloadlen);
    check(atoi(message->payload) == number || number == 0, "payload", number);
    check(message->qos == run->qos, "qos", message->qos);
    check(message->retained == retained, "retained", message->retained);
    check(message->dup == 0, "dup", message->dup);
    MQTTClient_freeMessage(&message);
    MQTTClient_free(topic);
}

int main(int count, char **words)
{
    if (count != 7)
        return 64;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct run run = {.version = atoi(words[3]), .qos = atoi(words[4]), .topic = words[5]};
    int messages = atoi(words[6]);
    MQTTClient_createOptions options = MQTTClient_createOptions_initializer;
    options.MQTTVersion = run.version;
    check(MQTTClient_createWithOptions(&run.client, words[1], words[2], MQTTCLIENT_PERSISTENCE_NONE,
                                       NULL, &options) == MQTTCLIENT_SUCCESS,
          "create", 0);
    char filter[300];
    snprintf(filter, sizeof(filter), "%s/#", run.topic);
    connect_client(&run);
    subscribe(&run, filter);
    for (int i = 0; i < messages; i++)
        publish(&run, i, 0, PAYLOAD_SIZE);
    for (int i = 0; i < messages; i++)
        receive(&run, i, 0);
    publish(&run, messages, 1, PAYLOAD_SIZE);
    receive(&run, messages, 0);
    unsubscribe(&run, filter);
    publish(&run, 0, 0, PAYLOAD_SIZE); /* nobody hears it */
    subscribe(&run, filter);
    receive(&run, messages, 1);
    unsubscribe(&run, filter);
    publish(&run, messages, 1, 0); /* deletes it */
    subscribe(&run, filter);
    publish(&run, 1, 0, PAYLOAD_SIZE);
    receive(&run, 1, 0);
    int code = MQTTClient_disconnect(run.client, WAIT_MS);
    check(code == MQTTCLIENT_SUCCESS, "disconnect", code);
    MQTTClient_destroy(&run.client);
    printf("ok\n");
    return 0;
}

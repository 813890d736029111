// A librdkafka client as its own process, for the benchmarks: the load that a real C client makes.
//
//   rdkafka_load produce BOOTSTRAP TOPIC COUNT SIZE ACKS [property=value ...]
//   rdkafka_load consume BOOTSTRAP TOPIC COUNT
//   rdkafka_load latency BOOTSTRAP TOPIC COUNT SIZE
//   rdkafka_load mock                 librdkafka's in-memory mock broker, until standard input closes
//
// Prints one JSON line. Messages go to, and are read from, partition 0.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static long acknowledged, failed;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void die(const char *what, const char *why) {
    fprintf(stderr, "rdkafka_load: %s: %s\n", what, why);
    exit(1);
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client, (void)opaque;
    if (message->err) {
        if (!failed++) fprintf(stderr, "rdkafka_load: %s\n", rd_kafka_err2str(message->err));
    } else {
        acknowledged++;
    }
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char error[256];
    rd_kafka_t *client = rd_kafka_new(type, conf, error, sizeof error);
    if (!client) die("new", error);
    return client;
}

static int produce(int count, char **words, int one_at_a_time) {
    const char *topic = words[1];
    long messages = atol(words[2]);
    size_t size = atol(words[3]);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", words[0]);
    set(conf, "queue.buffering.max.messages", "200000");
    set(conf, "queue.buffering.max.kbytes", "1048576");
    if (one_at_a_time) {
        set(conf, "acks", "all");
        set(conf, "linger.ms", "0");
        set(conf, "socket.nagle.disable", "true");
    } else {
        set(conf, "acks", words[4]);
        set(conf, "linger.ms", "5");
        for (int index = 5; index < count; index++) {
            char *equals = strchr(words[index], '=');
            if (!equals) die(words[index], "not property=value");
            *equals = 0;
            set(conf, words[index], equals + 1);
        }
    }
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *client = make(RD_KAFKA_PRODUCER, conf);
    char *payload = malloc(size);
    for (size_t index = 0; index < size; index++) payload[index] = 'a' + (index * 7 + index / 13) % 26;
    double *waits = calloc(messages, sizeof *waits);
    double begin = 0, cpu_begin = 0;
    long sent = 0;
    // One message first: connections and metadata are not what is measured.
    while (sent < messages + 1) {
        double started = now();
        rd_kafka_resp_err_t error = rd_kafka_producev(
            client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE(payload, size), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(client, 1);
            continue;
        }
        if (error) die("produce", rd_kafka_err2str(error));
        sent++;
        if (sent == 1 || one_at_a_time) {
            while (acknowledged + failed < sent) rd_kafka_poll(client, 1000);
            if (sent == 1) begin = now(), cpu_begin = cpu();
            else waits[sent - 2] = now() - started;
        } else if (sent % 1000 == 0) {
            rd_kafka_poll(client, 0);
        }
    }
    rd_kafka_flush(client, 120000);
    double seconds = now() - begin;
    printf("{\"messages\": %ld, \"failed\": %ld, \"seconds\": %.6f, \"clientCPU\": %.6f", acknowledged - 1, failed,
           seconds, cpu() - cpu_begin);
    if (one_at_a_time) {
        for (long i = 1; i < messages; i++) {
            double key = waits[i];
            long j = i - 1;
            while (j >= 0 && waits[j] > key) waits[j + 1] = waits[j], j--;
            waits[j + 1] = key;
        }
        printf(", \"p50\": %.6f, \"p99\": %.6f", waits[messages / 2], waits[messages * 99 / 100]);
    }
    printf("}\n");
    return failed ? 1 : 0;
}

static int consume(char **words) {
    long messages = atol(words[2]);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", words[0]);
    set(conf, "group.id", "unused");
    set(conf, "enable.auto.commit", "false");
    set(conf, "queued.max.messages.kbytes", "262144");
    set(conf, "auto.offset.reset", "earliest");
    rd_kafka_t *client = make(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, words[1], 0)->offset = 0;
    rd_kafka_assign(client, list);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    rd_kafka_message_t **batch = malloc(10000 * sizeof *batch);
    long got = 0;
    double begin = 0, cpu_begin = 0, deadline = now() + 120;
    while (got < messages && now() < deadline) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 1000, batch, 10000);
        if (!begin && count > 0) begin = now(), cpu_begin = cpu();
        for (ssize_t index = 0; index < count; index++) {
            if (!batch[index]->err) got++;
            rd_kafka_message_destroy(batch[index]);
        }
    }
    printf("{\"messages\": %ld, \"seconds\": %.6f, \"clientCPU\": %.6f}\n", got, now() - begin, cpu() - cpu_begin);
    fflush(stdout);
    _exit(got < messages);
}

static int mock(void) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *client = make(RD_KAFKA_PRODUCER, conf);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, 1);
    rd_kafka_mock_topic_create(cluster, "bench", 1, 1);
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {}
    _exit(0);
}

int main(int count, char **words) {
    if (count >= 7 && !strcmp(words[1], "produce")) return produce(count - 2, words + 2, 0);
    if (count >= 6 && !strcmp(words[1], "latency")) return produce(4, words + 2, 1);
    if (count >= 5 && !strcmp(words[1], "consume")) return consume(words + 2);
    if (count >= 2 && !strcmp(words[1], "mock")) return mock();
    die("usage", "produce | consume | latency | mock; see the top of rdkafka_load.c");
}

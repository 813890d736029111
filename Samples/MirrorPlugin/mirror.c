/*
 * A plugin in C: keeps a copy of ConfigMaps as records.
 *
 * It has a kind of its own, Mirror (mirror.yaml): `spec.configMap` names a ConfigMap, `spec.topic` a topic. Each time a
 * Mirror is made or changed, the ConfigMap is produced to the topic as JSON, under its name as key, and the Mirror's
 * status says which version of it was produced and where it is. It looks again every `interval-ms`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir_plugin.h"

/* What `start` gives, and the host hands back with every call. */
typedef struct mirror {
    const weir_host_v1 *host;
    uint64_t interval_ms;
} mirror;

/* The longest name or version that is taken. */
#define TEXT_MAX 256

/*
 * The text of a member of a JSON object, as far as this sample needs it: finds "member":"text" and copies the text.
 * Objects come compact and with sorted members, so this is enough; a real plugin links a JSON library.
 */
static int text_member(weir_bytes json, const char *member, char *text)
{
    char pattern[64];
    int length = snprintf(pattern, sizeof pattern, "\"%s\":\"", member);
    const char *bytes = (const char *)json.data;
    for (size_t at = 0; length > 0 && at + (size_t)length < json.size; at += 1) {
        if (memcmp(bytes + at, pattern, (size_t)length) != 0) {
            continue;
        }
        size_t begin = at + (size_t)length;
        size_t end = begin;
        while (end < json.size && bytes[end] != '"' && bytes[end] != '\\') {
            end += 1;
        }
        if (end == json.size || bytes[end] != '"' || end - begin >= TEXT_MAX) {
            return 0;
        }
        memcpy(text, bytes + begin, end - begin);
        text[end - begin] = 0;
        return 1;
    }
    return 0;
}

/* The member of a JSON object that begins behind "member":, to its end: for looking into `spec` or `status` only. */
static weir_bytes object_member(weir_bytes json, const char *member)
{
    char pattern[64];
    int length = snprintf(pattern, sizeof pattern, "\"%s\":{", member);
    const char *bytes = (const char *)json.data;
    for (size_t at = 0; length > 0 && at + (size_t)length < json.size; at += 1) {
        if (memcmp(bytes + at, pattern, (size_t)length) != 0) {
            continue;
        }
        size_t begin = at + (size_t)length - 1;
        int depth = 0;
        int in_text = 0;
        for (size_t end = begin; end < json.size; end += 1) {
            if (in_text) {
                if (bytes[end] == '\\') {
                    end += 1;
                } else if (bytes[end] == '"') {
                    in_text = 0;
                }
                continue;
            }
            if (bytes[end] == '"') {
                in_text = 1;
            } else if (bytes[end] == '{') {
                depth += 1;
            } else if (bytes[end] == '}') {
                depth -= 1;
                if (depth == 0) {
                    weir_bytes found = {json.data + begin, end - begin + 1};
                    return found;
                }
            }
        }
    }
    return weir_none();
}

static int32_t start(const weir_host_v1 *host, void **self, weir_message *error)
{
    if (!WEIR_HAS(host, record_produce)) {
        weir_say(error, "this host is too old: it has no record_produce");
        return WEIR_FAILED;
    }
    mirror *made = calloc(1, sizeof *made);
    if (made == NULL) {
        weir_say(error, "no memory");
        return WEIR_FAILED;
    }
    made->host = host;
    made->interval_ms = 5000;
    weir_result config;
    if (host->config(host->host, &config) == WEIR_OK) {
        const char *found = NULL;
        char text[TEXT_MAX * 4];
        size_t size = config.bytes.size < sizeof text - 1 ? config.bytes.size : sizeof text - 1;
        memcpy(text, config.bytes.data, size);
        text[size] = 0;
        found = strstr(text, "\"interval-ms\":");
        if (found != NULL) {
            made->interval_ms = strtoull(found + strlen("\"interval-ms\":"), NULL, 10);
        }
    }
    host->release(host->host, config.handle);
    *self = made;
    return WEIR_OK;
}

/* Fails a reconcile with what the host said. */
static int32_t fail(mirror *self, const char *what, weir_result *reason, weir_answer *answer)
{
    snprintf(
        answer->message.data, answer->message.capacity, "%s: %.*s", what, (int)reason->bytes.size,
        reason->bytes.data == NULL ? "" : (const char *)reason->bytes.data);
    answer->message.size = strlen(answer->message.data);
    self->host->release(self->host->host, reason->handle);
    return WEIR_FAILED;
}

/* Writes what was done into the Mirror's status. */
static int32_t write_status(
    mirror *self, const weir_request *request, weir_answer *answer, const char *version, int32_t partition,
    int64_t offset)
{
    const weir_host_v1 *host = self->host;
    char patch[TEXT_MAX * 2];
    snprintf(
        patch, sizeof patch, "{\"status\":{\"mirroredVersion\":\"%s\",\"offset\":%lld,\"partition\":%d}}", version,
        (long long)offset, (int)partition);
    weir_result result;
    int32_t code = host->object_patch(
        host->host, request->operation, request->kind, request->namespace_, request->name, WEIR_PATCH_MERGE,
        weir_text(patch), WEIR_PART_STATUS, &result);
    if (code != WEIR_OK) {
        return fail(self, "cannot write the status", &result, answer);
    }
    host->release(host->host, result.handle);
    return WEIR_OK;
}

static int32_t reconcile(void *context, const weir_request *request, weir_answer *answer)
{
    mirror *self = context;
    const weir_host_v1 *host = self->host;
    if (request->object.data == NULL) {
        /* The Mirror is gone; its records stay. */
        return WEIR_OK;
    }
    char source[TEXT_MAX];
    char topic[TEXT_MAX];
    weir_bytes spec = object_member(request->object, "spec");
    if (!text_member(spec, "configMap", source) || !text_member(spec, "topic", topic)) {
        weir_say(&answer->message, "spec.configMap and spec.topic must be texts");
        return WEIR_TERMINAL;
    }
    answer->requeue_after_ms = self->interval_ms;

    weir_result object;
    int32_t code = host->object_get(
        host->host, request->operation, weir_text("ConfigMap"), request->namespace_, weir_text(source), &object);
    if (code == WEIR_NOT_FOUND) {
        /* It may come. */
        host->release(host->host, object.handle);
        return WEIR_OK;
    }
    if (code != WEIR_OK) {
        return fail(self, "cannot read the ConfigMap", &object, answer);
    }
    char version[TEXT_MAX];
    char mirrored[TEXT_MAX];
    if (!text_member(object_member(object.bytes, "metadata"), "resourceVersion", version)) {
        strcpy(version, "?");
    }
    if (text_member(object_member(request->object, "status"), "mirroredVersion", mirrored)
        && strcmp(version, mirrored) == 0) {
        host->release(host->host, object.handle);
        return WEIR_OK;
    }

    weir_header header = {weir_text("version"), weir_text(version)};
    weir_record record = {0, -1, weir_text(source), object.bytes, &header, 1};
    int32_t partition = 0;
    int64_t offset = 0;
    weir_result error;
    code = host->record_produce(
        host->host, request->operation, weir_text(topic), -1, &record, &partition, &offset, &error);
    host->release(host->host, object.handle);
    if (code != WEIR_OK) {
        return fail(self, "cannot produce the record", &error, answer);
    }
    return write_status(self, request, answer, version, partition, offset);
}

static int32_t stop(void *context, weir_message *error)
{
    (void)error;
    free(context);
    return WEIR_OK;
}

static const char manifest[] =
    "{\"name\":\"mirror\",\"version\":\"1.0.0\","
    "\"description\":\"Keeps a copy of ConfigMaps as records.\","
    "\"kinds\":[\"Mirror.example.com\"],"
    "\"needs\":["
    "{\"kinds\":[\"Mirror.example.com\"],\"verbs\":[\"patch\"]},"
    "{\"kinds\":[\"ConfigMap\"],\"verbs\":[\"get\"]},"
    "{\"topics\":[\"mirror-*\"],\"verbs\":[\"produce\"]}]}";

static const weir_plugin_v1 table = {
    .abi_version = WEIR_ABI_VERSION,
    .struct_size = sizeof(weir_plugin_v1),
    .manifest = WEIR_LITERAL(manifest),
    .start = start,
    .stop = stop,
    .reconcile = reconcile,
};

WEIR_PLUGIN_ENTRY(abi)
{
    return abi >= WEIR_ABI_VERSION ? &table : NULL;
}

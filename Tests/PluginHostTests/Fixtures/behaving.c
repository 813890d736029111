/*
 * A plugin that behaves as its configuration says, well or badly: what the tests of the plugin host load.
 *
 * [plugins.config] has one member a function ("drain": "hang"); values are looked for as text.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weir_plugin.h"

#define EXPORT __attribute__((visibility("default")))

static const weir_host_v1 *host;
static char config[4096];
static char calls[4096];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ullong last_operation;
static atomic_int events;
static atomic_int ends;
static atomic_int end_code;
static atomic_ullong watch;
static atomic_int is_released;

static void note(const char *call)
{
    pthread_mutex_lock(&lock);
    strncat(calls, call, sizeof calls - strlen(calls) - 2);
    strcat(calls, " ");
    pthread_mutex_unlock(&lock);
}

/* Whether the configuration says so of a function. */
static int wants(const char *function, const char *what)
{
    char pattern[128];
    snprintf(pattern, sizeof pattern, "\"%s\":\"%s\"", function, what);
    return strstr(config, pattern) != NULL;
}

/* Never comes back, until the test lets it go. */
static void hang(void)
{
    while (!atomic_load(&is_released)) {
        usleep(1000);
    }
}

static int32_t behave(const char *function, weir_message *error)
{
    note(function);
    if (wants(function, "hang")) {
        hang();
    }
    if (wants(function, "fail")) {
        weir_say(error, "the fixture was told to fail");
        return WEIR_FAILED;
    }
    if (wants(function, "garbage")) {
        /* A length that is far beyond the room, a code that nobody knows. */
        error->size = (size_t)-1;
        return -77;
    }
    return WEIR_OK;
}

static void on_event(void *context, const weir_watch_event *event)
{
    (void)context;
    if (event->change == WEIR_WATCH_END) {
        atomic_store(&end_code, event->code);
        atomic_fetch_add(&ends, 1);
    } else {
        atomic_fetch_add(&events, 1);
    }
}

static int32_t start(const weir_host_v1 *given, void **self, weir_message *error)
{
    host = given;
    *self = &config;
    weir_result result;
    if (host->config(host->host, &result) == WEIR_OK) {
        size_t size = result.bytes.size < sizeof config - 1 ? result.bytes.size : sizeof config - 1;
        memcpy(config, result.bytes.data, size);
        config[size] = 0;
    }
    host->release(host->host, result.handle);
    if (wants("start", "watch")) {
        weir_handle opened = 0;
        weir_result reason;
        int32_t code = host->object_watch(
            host->host, weir_text("{\"kind\":\"ConfigMap\"}"), 0, on_event, NULL, &opened, &reason);
        atomic_store(&watch, opened);
        host->release(host->host, reason.handle);
        if (code != WEIR_OK) {
            weir_say(error, "no watch");
            return code;
        }
    }
    return behave("start", error);
}

static int32_t hand_over(void *self, weir_message *error) { (void)self; return behave("hand_over", error); }
static int32_t drain(void *self, weir_message *error) { (void)self; return behave("drain", error); }
static int32_t cancel(void *self, weir_message *error) { (void)self; return behave("cancel", error); }
static int32_t resume(void *self, weir_message *error) { (void)self; return behave("resume", error); }
static int32_t flush(void *self, weir_message *error) { (void)self; return behave("flush", error); }
static int32_t stop(void *self, weir_message *error) { (void)self; return behave("stop", error); }

/* Answers a reconcile from a thread of its own. */
static void *answer_later(void *argument)
{
    weir_handle operation = (weir_handle)(uintptr_t)argument;
    int32_t first = host->reconcile_complete(host->host, operation, WEIR_OK, 0, weir_none());
    int32_t second = host->reconcile_complete(host->host, operation, WEIR_OK, 0, weir_none());
    note(first == WEIR_OK && second == WEIR_BAD_HANDLE ? "answered-once" : "answered-wrongly");
    return NULL;
}

static int32_t reconcile(void *self, const weir_request *request, weir_answer *answer)
{
    (void)self;
    atomic_store(&last_operation, request->operation);
    if (wants("reconcile", "write")) {
        char patch[128] = "{\"status\":{\"seen\":true}}";
        weir_result result;
        int32_t code = host->object_patch(
            host->host, request->operation, request->kind, request->namespace_, request->name, WEIR_PATCH_MERGE,
            weir_text(patch), WEIR_PART_STATUS, &result);
        if (code != WEIR_OK) {
            snprintf(
                answer->message.data, answer->message.capacity, "%.*s", (int)result.bytes.size,
                (const char *)result.bytes.data);
            answer->message.size = strlen(answer->message.data);
        }
        host->release(host->host, result.handle);
        note(code == WEIR_OK ? "reconcile-wrote" : "reconcile-refused");
        return code;
    }
    if (wants("reconcile", "wait")) {
        /* Writes only after the test let it go: by then the node drains. */
        note("reconcile-waits");
        hang();
        weir_result result;
        int32_t code = host->object_patch(
            host->host, request->operation, request->kind, request->namespace_, request->name, WEIR_PATCH_MERGE,
            weir_text("{\"status\":{\"seen\":true}}"), WEIR_PART_STATUS, &result);
        host->release(host->host, result.handle);
        note(code == WEIR_OK ? "reconcile-wrote" : "reconcile-refused");
        return code;
    }
    if (wants("reconcile", "later")) {
        pthread_t thread;
        pthread_create(&thread, NULL, answer_later, (void *)(uintptr_t)request->operation);
        pthread_detach(thread);
        return WEIR_PENDING;
    }
    if (wants("reconcile", "never")) {
        note("reconcile");
        return WEIR_PENDING;
    }
    if (wants("reconcile", "terminal")) {
        weir_say(&answer->message, "not this one");
        note("reconcile");
        return WEIR_TERMINAL;
    }
    if (wants("reconcile", "garbage")) {
        answer->message.data = (char *)1;
        answer->message.size = (size_t)-1;
        answer->requeue_after_ms = UINT64_MAX;
        note("reconcile");
        return 123456;
    }
    return behave("reconcile", &answer->message);
}

static const char manifest[] =
    "{\"name\":\"behaving\",\"version\":\"1.2.3\",\"kinds\":[\"Widget.example.com\"],\"needs\":["
    "{\"kinds\":[\"Widget.example.com\"],\"verbs\":[\"create\",\"update\",\"patch\",\"delete\"]},"
    "{\"kinds\":[\"ConfigMap\"],\"verbs\":[\"get\",\"list\",\"watch\",\"create\",\"update\",\"patch\",\"delete\"]},"
    "{\"topics\":[\"audit-*\"],\"verbs\":[\"produce\",\"consume\"]}]}";

static const weir_plugin_v1 table = {
    .abi_version = WEIR_ABI_VERSION,
    .struct_size = sizeof(weir_plugin_v1),
    .manifest = WEIR_LITERAL(manifest),
    .start = start,
    .hand_over = hand_over,
    .drain = drain,
    .cancel = cancel,
    .resume = resume,
    .flush = flush,
    .stop = stop,
    .reconcile = reconcile,
};

WEIR_PLUGIN_ENTRY(abi)
{
    return abi >= WEIR_ABI_VERSION ? &table : NULL;
}

/* What the tests ask of the library beside the plugin. */
EXPORT const weir_host_v1 *fixture_host(void) { return host; }
EXPORT void fixture_release(void) { atomic_store(&is_released, 1); }
EXPORT int32_t fixture_events(void) { return atomic_load(&events); }
EXPORT int32_t fixture_ends(void) { return atomic_load(&ends); }
EXPORT int32_t fixture_end_code(void) { return atomic_load(&end_code); }
EXPORT uint64_t fixture_watch(void) { return atomic_load(&watch); }
EXPORT uint64_t fixture_last_operation(void) { return atomic_load(&last_operation); }
EXPORT void fixture_calls(char *text, size_t capacity)
{
    pthread_mutex_lock(&lock);
    snprintf(text, capacity, "%s", calls);
    pthread_mutex_unlock(&lock);
}

/*
 * weir_plugin.h: what a plugin of Weir and its host promise each other.
 *
 * A plugin is a shared library that exports one function, weir_plugin_entry. It may be written in any language that
 * can lay out C structs and call C functions: C, C++, Rust, Zig, Swift, ... docs/plugins.md tells the story; this file
 * is the law.
 *
 * VERSIONS. The library is asked for its table with the newest version that the host speaks. Both tables begin with
 * abi_version and struct_size, which never move. Within a version, members are only added, at the end: whoever reads a
 * table first looks whether struct_size covers the member (WEIR_HAS). So either side may be the older one.
 *
 * BYTES. A weir_bytes is borrowed: it is valid until the call that it was handed to returns, whichever side calls.
 * Copy what you keep. Text is UTF-8 without a terminating zero. {NULL, 0} is "none"; {anything, 0} is empty.
 * What the host returns in a weir_result is the host's memory, and valid until you `release` it.
 *
 * HANDLES. Numbers, never pointers, and never reused: a handle that is stale, made up, or of another plugin gives
 * WEIR_BAD_HANDLE, and ending something twice gives it too. 0 is no handle.
 *
 * THREADS. The host calls a plugin only on threads of its own that may block. Life-cycle functions are called one at a
 * time, but for `cancel`, which may come while another one runs. `reconcile` is called on several threads at once, up
 * to the plugin's max-concurrent, but never twice at once for one object. Host functions may be called from any thread,
 * also your own, from `start` until `stop` has returned. They block until the answer is there; so do not call them from
 * a thread that must not block. (From a task of Swift's cooperative pool they return WEIR_WRONG_THREAD.)
 *
 * AFTER STOP, or once the host gave the plugin up because it missed a deadline, every host function returns
 * WEIR_STOPPED and does nothing else. The library stays mapped for the rest of the process: threads that still run
 * may go on to do so.
 *
 * MISTAKES. NULL where a pointer is needed, a length without data, text that is no UTF-8 and JSON that is none give
 * WEIR_BAD_ARGUMENT. The host cannot see a wrong pointer that is not NULL: plugins share its memory, and one that
 * crashes takes the process with it.
 */
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version that this file describes. */
#define WEIR_ABI_VERSION 1u

/* Whether a table, as its owner filled it, has a member: WEIR_HAS(host, record_consume). */
#define WEIR_HAS(table, member)                                                                                        \
    ((table)->struct_size >= offsetof(__typeof__(*(table)), member) + sizeof((table)->member)                          \
     && (table)->member != 0)

/* ---------------------------------------------------------------------------------------------------------------
 * Codes: what functions of both sides return. A host meets a code that it does not know as WEIR_FAILED.
 * ------------------------------------------------------------------------------------------------------------- */

/* Done. */
#define WEIR_OK 0
/* Only from `reconcile`: the answer comes later, on any thread, through `reconcile_complete`. */
#define WEIR_PENDING 1
/* It failed; trying again may help. A reconcile is repeated, with growing pauses. */
#define WEIR_FAILED 2
/* Only from `reconcile`: it failed, and trying again would not help until the object changes. */
#define WEIR_TERMINAL 3
/* An argument is NULL, too long, no UTF-8, no JSON, or not one of those listed. */
#define WEIR_BAD_ARGUMENT 10
/* No such operation, watch or result: it ended, never was, or is another plugin's. */
#define WEIR_BAD_HANDLE 11
/* The plugin was stopped or given up; nothing was done. */
#define WEIR_STOPPED 12
/* The node drains: no new work is let in. Work that was admitted goes on under its operation. */
#define WEIR_DRAINING 13
/* The configuration does not grant this to the plugin. */
#define WEIR_FORBIDDEN 14
/* The call would have blocked a thread that must not block. */
#define WEIR_WRONG_THREAD 15
/* The plugin has as many operations, watches or results open as it may. */
#define WEIR_OVER_LIMIT 16
/* The operation, or the node's work, was cancelled: give up. */
#define WEIR_CANCELLED 17
/* The host has no records: it runs without a broker. */
#define WEIR_UNSUPPORTED 18
/* No such object, kind, topic or partition. */
#define WEIR_NOT_FOUND 20
/* An object of that name is there. */
#define WEIR_ALREADY_EXISTS 21
/* The object is not what you took it for: read it again. */
#define WEIR_CONFLICT 22
/* The object is not what its kind wants; the text names the fields. */
#define WEIR_INVALID 23
/* The resource version, or the offset, is too old: list again. */
#define WEIR_EXPIRED 24
/* The store or the partition cannot serve now; try again. */
#define WEIR_UNAVAILABLE 25

/* Bytes that somebody else owns; see BYTES above. */
typedef struct weir_bytes {
    const uint8_t *data;
    size_t size;
} weir_bytes;

/* A number that the host made; see HANDLES above. */
typedef uint64_t weir_handle;

/*
 * What a host function gives back. On WEIR_OK its answer; otherwise a sentence for people, or {NULL, 0}.
 * Where `handle` is not 0, release it when you have read `bytes`. Never call with a weir_result that still has one.
 */
typedef struct weir_result {
    weir_bytes bytes;
    weir_handle handle;
} weir_result;

/* Where a plugin writes a sentence for people: at most `capacity` bytes at `data`, then their number in `size`. */
typedef struct weir_message {
    char *data;
    size_t capacity;
    size_t size;
} weir_message;

/* One header of a record; names need not be unique. */
typedef struct weir_header {
    weir_bytes name;
    weir_bytes value;
} weir_header;

/* One record. `key` and `value` may be none ({NULL, 0}). */
typedef struct weir_record {
    int64_t offset;
    /* Milliseconds since 1970; -1 where there is none. */
    int64_t timestamp;
    weir_bytes key;
    weir_bytes value;
    const weir_header *headers;
    size_t header_count;
} weir_record;

/* The oldest record that is kept, and the one that comes next, as offsets. */
#define WEIR_OFFSET_OLDEST (-2)
#define WEIR_OFFSET_NEXT (-1)

/* Levels of `log`. */
#define WEIR_LOG_DEBUG 0
#define WEIR_LOG_INFO 1
#define WEIR_LOG_NOTICE 2
#define WEIR_LOG_WARNING 3
#define WEIR_LOG_ERROR 4

/* Which part of an object a write is about: everything but the status, or the status only. */
#define WEIR_PART_MAIN 0
#define WEIR_PART_STATUS 1

/* How `object_patch` reads its patch: RFC 7396; RFC 6902; a whole object, as `weir apply` does. */
#define WEIR_PATCH_MERGE 0
#define WEIR_PATCH_JSON 1
#define WEIR_PATCH_APPLY 2

/* What a watch tells. */
#define WEIR_WATCH_ADDED 0
#define WEIR_WATCH_MODIFIED 1
#define WEIR_WATCH_DELETED 2
/* The last call of every watch, always: `object` is none, `code` says why. WEIR_OK: `watch_end` asked for it. */
#define WEIR_WATCH_END 3

/* How `work_end` says an operation ended. */
#define WEIR_OUTCOME_SUCCEEDED 0
#define WEIR_OUTCOME_FAILED 1
#define WEIR_OUTCOME_CANCELLED 2

/* One event of a watch. */
typedef struct weir_watch_event {
    /* One of WEIR_WATCH_*. */
    uint32_t change;
    /* Of WEIR_WATCH_END: why. WEIR_EXPIRED: list again and watch from there. */
    int32_t code;
    /* The change's place in the order of all changes. */
    uint64_t resource_version;
    /* The object as JSON; of a deletion, as it last was. */
    weir_bytes object;
} weir_watch_event;

/* Gets the events of a watch, one at a time, in order, on a thread of the host; may block, and call the host. */
typedef void (*weir_watch_fn)(void *context, const weir_watch_event *event);

/* Gets records of one `record_consume`, on the thread that called it, before it returns. */
typedef void (*weir_record_fn)(void *context, const weir_record *record);

/* ---------------------------------------------------------------------------------------------------------------
 * The host's table: what a plugin may call. It lives as long as the process. `host` (below) is the first argument of
 * every function.
 *
 * OPERATIONS. Where a function takes an `operation`, give the one in whose course you call: that of the reconcile
 * request, or one that `work_begin` gave you. Then the call is part of it, and let in also while the node drains: a
 * drain waits for admitted work and lets it finish. With 0 the call is an operation of its own, which a node that
 * drains refuses with WEIR_DRAINING.
 *
 * KINDS are `Kind` for the core kinds and Weir's own (ConfigMap, Topic) and `Kind.group` for all others
 * (Widget.example.com). Objects are JSON as everywhere in Weir. `namespace_` is empty where the kind has none.
 * Every object, topic and verb must be granted by the plugin's configuration; otherwise WEIR_FORBIDDEN.
 *
 * `result` and `error` may be NULL where you do not want to know, unless it says otherwise. They are written in any
 * case where they are not.
 * ------------------------------------------------------------------------------------------------------------- */
typedef struct weir_host_v1 {
    /* WEIR_ABI_VERSION of the host. */
    uint32_t abi_version;
    /* Size of this table as the host filled it. */
    uint32_t struct_size;
    /* The plugin's own handle. */
    weir_handle host;

    /* Gives memory of a result back. WEIR_BAD_HANDLE the second time. */
    int32_t (*release)(weir_handle host, weir_handle result);

    /* Logs a line under the plugin's name. Lines over 8 KiB are cut. */
    int32_t (*log)(weir_handle host, int32_t level, weir_bytes message);

    /* The plugin's own configuration as a JSON object: `[plugins.config]`. `result` must not be NULL. */
    int32_t (*config)(weir_handle host, weir_result *result);

    /* The object. Verb: get. */
    int32_t (*object_get)(
        weir_handle host, weir_handle operation, weir_bytes kind, weir_bytes namespace_, weir_bytes name,
        weir_result *result);

    /*
     * Objects of a kind, as {"items": [...], "metadata": {"resourceVersion": "12", "continue": "..."}}. Verb: list.
     * `query` is JSON: {"kind": "Topic", "namespace": "default", "labels": "app=x,!old", "fields": "status.phase=Ready",
     * "limit": 500, "continue": "..."}; only `kind` is required.
     */
    int32_t (*object_list)(weir_handle host, weir_handle operation, weir_bytes query, weir_result *result);

    /* Stores a new object; gives it as stored. Verb: create. */
    int32_t (*object_create)(weir_handle host, weir_handle operation, weir_bytes object, weir_result *result);

    /*
     * Replaces an object, or its status; gives it as stored. Verb: update. With a resourceVersion in its metadata the
     * object must still be that one, otherwise WEIR_CONFLICT.
     */
    int32_t (*object_update)(
        weir_handle host, weir_handle operation, weir_bytes object, uint32_t part, weir_result *result);

    /*
     * Changes an object as the patch says, in one step; gives it as stored. Verb: patch, and create for
     * WEIR_PATCH_APPLY, which makes the object where it is not there.
     */
    int32_t (*object_patch)(
        weir_handle host, weir_handle operation, weir_bytes kind, weir_bytes namespace_, weir_bytes name,
        uint32_t patch_type, weir_bytes patch, uint32_t part, weir_result *result);

    /*
     * Asks for an object to go; gives it as it is. Verb: delete. `options` is none, or JSON:
     * {"uid": "...", "resourceVersion": "12", "propagationPolicy": "Background" | "Foreground" | "Orphan"}.
     */
    int32_t (*object_delete)(
        weir_handle host, weir_handle operation, weir_bytes kind, weir_bytes namespace_, weir_bytes name,
        weir_bytes options, weir_result *result);

    /*
     * Begins to tell `callback` of every change after `resource_version` to the objects that `query` (as of
     * object_list) selects. Verb: watch. The last call is WEIR_WATCH_END, exactly once, whatever ended the watch:
     * `watch_end`, the node's drain, or an error. After it `callback` is never called again, and `context` is yours.
     * `stop` is called only after all watches have ended. `watch` must not be NULL.
     */
    int32_t (*object_watch)(
        weir_handle host, weir_bytes query, uint64_t resource_version, weir_watch_fn callback, void *context,
        weir_handle *watch, weir_result *error);

    /* Ends a watch. Returns at once; an event that is being told, and WEIR_WATCH_END, may still come. */
    int32_t (*watch_end)(weir_handle host, weir_handle watch);

    /*
     * Appends one record and waits until it is committed. Verb: produce. `partition` -1: the host chooses by key.
     * `record->offset` is ignored; `record->timestamp` -1 is now. Where not NULL, `partition_out` and `offset_out` get
     * the place.
     */
    int32_t (*record_produce)(
        weir_handle host, weir_handle operation, weir_bytes topic, int32_t partition, const weir_record *record,
        int32_t *partition_out, int64_t *offset_out, weir_result *error);

    /*
     * Hands at most `records_max` committed records from `offset` on to `callback`, then returns; where there are none
     * yet, at once. Verb: consume. `next_offset` (not NULL) gets the offset to ask for next.
     */
    int32_t (*record_consume)(
        weir_handle host, weir_handle operation, weir_bytes topic, int32_t partition, int64_t offset,
        uint32_t records_max, weir_record_fn callback, void *context, int64_t *next_offset, weir_result *error);

    /*
     * Begins a unit of the plugin's own work: counted in `weir work`, and waited for by a drain until `work_end`.
     * `name` is a word for people. WEIR_DRAINING: the node drains; leave it. `operation` must not be NULL.
     */
    int32_t (*work_begin)(weir_handle host, weir_bytes name, weir_handle *operation);

    /* Begins a unit that `parent` is the cause of: let in also while the node drains. */
    int32_t (*work_fork)(weir_handle host, weir_handle parent, weir_bytes name, weir_handle *operation);

    /* Ends a unit that work_begin or work_fork gave. WEIR_BAD_HANDLE the second time. */
    int32_t (*work_end)(weir_handle host, weir_handle operation, uint32_t outcome);

    /* WEIR_OK: go on. WEIR_CANCELLED: the deadline of the drain passed, or a timeout; give up soon. */
    int32_t (*work_check)(weir_handle host, weir_handle operation);

    /*
     * Answers a reconcile that returned WEIR_PENDING, from any thread; before that return, too. `code` as reconcile
     * returns it; `requeue_after_ms` as in weir_answer; `message` for people, where it failed. Ends the operation.
     */
    int32_t (*reconcile_complete)(
        weir_handle host, weir_handle operation, int32_t code, uint64_t requeue_after_ms, weir_bytes message);
} weir_host_v1;

/* An object to be looked at: make the world as its spec says. Valid until `reconcile` returns. */
typedef struct weir_request {
    /* Size of this struct as the host filled it. */
    uint32_t struct_size;
    /* How often in a row this object's reconcile failed. */
    uint32_t failures;
    /* The operation that the reconcile is: for host functions, and for reconcile_complete. */
    weir_handle operation;
    weir_bytes kind;
    weir_bytes namespace_;
    weir_bytes name;
    /* The object as JSON; none: it is gone. */
    weir_bytes object;
} weir_request;

/* What a reconcile may say beside its code. Filled with zeros by the host, but for struct_size and message. */
typedef struct weir_answer {
    /* Size of this struct as the host reads it. */
    uint32_t struct_size;
    uint32_t reserved;
    /* With WEIR_OK: look at the object again after so many milliseconds; 0: when it changes. */
    uint64_t requeue_after_ms;
    /* With an error: what went wrong. */
    weir_message message;
} weir_answer;

/* ---------------------------------------------------------------------------------------------------------------
 * The plugin's table: what the host calls. It must live as long as the process. Every function may be NULL, which is
 * as if it did nothing and succeeded. `self` is what `start` gave.
 *
 * Each call has a deadline (`timeout` of the plugin's configuration, at most that of the node's stage). A plugin that
 * misses one is given up: it is reported, its thread is left alone, and host functions return WEIR_STOPPED from then.
 * ------------------------------------------------------------------------------------------------------------- */
typedef struct weir_plugin_v1 {
    /* WEIR_ABI_VERSION of the header that the plugin was built with. */
    uint32_t abi_version;
    /* sizeof(weir_plugin_v1) of that header. */
    uint32_t struct_size;

    /*
     * What the plugin is, as JSON:
     * {
     *   "name": "mirror",                         required: letters, digits, - and _; at most 63
     *   "version": "1.0.0",                       required
     *   "description": "one sentence",
     *   "kinds": ["Mirror.example.com"],          the kinds that it reconciles
     *   "needs": [                                what it asks its configuration to grant, beyond reading those kinds
     *     {"kinds": ["ConfigMap"], "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"]},
     *     {"topics": ["audit-*"], "verbs": ["produce", "consume"]}
     *   ]
     * }
     */
    weir_bytes manifest;

    /*
     * Begins. `host` lives as long as the process. Whatever is put in *self is handed to every other function. An
     * error fails the start, with `error` as the reason; then nothing else is called.
     */
    int32_t (*start)(const weir_host_v1 *host, void **self, weir_message *error);

    /* Hand what you lead to another node, while everything still serves. */
    int32_t (*hand_over)(void *self, weir_message *error);

    /* The node drains: begin nothing new, finish what you hold. Returns when your own loops have been told. */
    int32_t (*drain)(void *self, weir_message *error);

    /* The soft deadline of the drain passed: give up what still runs. May come while `drain` runs. */
    int32_t (*cancel)(void *self, weir_message *error);

    /* An operator took a drain back (`weir resume`): work again. */
    int32_t (*resume)(void *self, weir_message *error);

    /* Make durable what you hold. Nothing is in flight any more, and no new work is let in. */
    int32_t (*flush)(void *self, weir_message *error);

    /* The last call. Let go of sockets, files and threads. */
    int32_t (*stop)(void *self, weir_message *error);

    /* See weir_request. Returns WEIR_OK, WEIR_PENDING, WEIR_TERMINAL, or any other code as WEIR_FAILED. */
    int32_t (*reconcile)(void *self, const weir_request *request, weir_answer *answer);
} weir_plugin_v1;

/*
 * The one function that a plugin exports, under this name. `abi` is the newest version that the host speaks. Return
 * your newest table of at most that version; if you have none that old, return any: the host then reads its
 * abi_version only, and tells its user both versions. NULL: nothing can be offered to this host.
 * Called once, before `start`; also by `weir plugin check`, which never calls `start`.
 */
typedef const weir_plugin_v1 *(*weir_plugin_entry_fn)(uint32_t abi);

/* Defines the function in C or C++: WEIR_PLUGIN_ENTRY(abi) { return abi >= WEIR_ABI_VERSION ? &table : NULL; } */
#ifdef __cplusplus
#define WEIR_PLUGIN_LINKAGE extern "C"
#else
#define WEIR_PLUGIN_LINKAGE
#endif
#define WEIR_PLUGIN_ENTRY(abi)                                                                                         \
    WEIR_PLUGIN_LINKAGE __attribute__((visibility("default"))) const weir_plugin_v1 *weir_plugin_entry(uint32_t abi);  \
    WEIR_PLUGIN_LINKAGE __attribute__((visibility("default"))) const weir_plugin_v1 *weir_plugin_entry(uint32_t abi)

/* A string literal as bytes, for tables that are initialised before the program runs. */
#define WEIR_LITERAL(text)                                                                                             \
    {                                                                                                                  \
        (const uint8_t *)(text), sizeof(text) - 1                                                                      \
    }

/* A zero-terminated string as bytes, without its zero. */
static inline weir_bytes weir_text(const char *text)
{
    weir_bytes bytes = {(const uint8_t *)text, 0};
    while (text != NULL && text[bytes.size] != 0) {
        bytes.size += 1;
    }
    return bytes;
}

/* No bytes. */
static inline weir_bytes weir_none(void)
{
    weir_bytes bytes = {NULL, 0};
    return bytes;
}

/* Writes a zero-terminated string into a message, as far as there is room. */
static inline void weir_say(weir_message *message, const char *text)
{
    if (message == NULL || message->data == NULL || text == NULL) {
        return;
    }
    size_t size = 0;
    while (size < message->capacity && text[size] != 0) {
        message->data[size] = text[size];
        size += 1;
    }
    message->size = size;
}

#ifdef __cplusplus
}
#endif

#endif

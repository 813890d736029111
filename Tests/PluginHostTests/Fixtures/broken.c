/* A library that is no good as a plugin, in the way that BROKEN_… says. */
#include "weir_plugin.h"

#ifndef MANIFEST
#define MANIFEST "{\"name\":\"broken\",\"version\":\"1\"}"
#endif
#ifndef ABI
#define ABI WEIR_ABI_VERSION
#endif
#ifndef SIZE
#define SIZE sizeof(weir_plugin_v1)
#endif

static const char manifest[] = MANIFEST;
static const struct {
    weir_plugin_v1 table;
    /* What a newer plugin has behind what this host knows. */
    void *more[4];
} table = {
    .table = {.abi_version = ABI, .struct_size = SIZE, .manifest = WEIR_LITERAL(manifest)},
    .more = {(void *)1, (void *)2, (void *)3, (void *)4},
};

#ifndef BROKEN_NO_ENTRY
WEIR_PLUGIN_ENTRY(abi)
{
    (void)abi;
#ifdef BROKEN_NULL
    return NULL;
#else
    return &table.table;
#endif
}
#else
int weir_plugin_entri = sizeof table;
#endif

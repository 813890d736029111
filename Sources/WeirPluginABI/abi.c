/* The contract is the header. This file makes a compiler read it. */
#include "weir_plugin.h"

_Static_assert(offsetof(weir_host_v1, struct_size) == 4, "where either side looks first never moves");
_Static_assert(offsetof(weir_plugin_v1, struct_size) == 4, "where either side looks first never moves");

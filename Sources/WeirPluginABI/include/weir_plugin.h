#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H
#endif

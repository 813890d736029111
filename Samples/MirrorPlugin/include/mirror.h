/* The sample exports weir_plugin_entry only; SwiftPM wants a folder of headers. */

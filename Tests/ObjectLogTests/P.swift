/// The module is empty so far.
enum Placeholder {}

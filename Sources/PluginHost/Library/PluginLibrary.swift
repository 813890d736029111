internal import Glibc
internal import WeirPluginABI
public import WeirRuntime

/// A plugin's library, loaded and asked for its table and manifest, but not started.
///
/// It is never unloaded: its threads may run on, and Swift's runtime keeps pointers into every library it has seen.
public struct PluginLibrary: Sendable {
    /// Where it was loaded from.
    public let path: String
    /// The version of the contract that it was built with.
    public let abiVersion: UInt32
    /// What it says about itself.
    public let manifest: PluginManifest
    let functions: PluginFunctions

    /// The newest version of the contract that this host speaks.
    public static let hostABIVersion = UInt32(WEIR_ABI_VERSION)

    /// Loads and checks a library, step by step; runs its initialisers and its entry function, but does not start it.
    ///
    /// - Parameters:
    ///   - path: The file. It is looked for there only, not in the system's folders.
    ///   - disk: Reads the file before it is loaded.
    ///   - isHostStatic: Whether the host carries Swift's runtime in itself; nil finds out.
    public init(_ path: String, disk: any Disk, isHostStatic: Bool? = nil) throws(PluginError) {
        self.path = path
        try Self.examine(path, disk, isHostStatic: isHostStatic ?? SwiftRuntime.isStatic)
        let entry = try Self.load(path)
        (functions, abiVersion) = try PluginFunctions.ask(entry, path)
        do {
            manifest = try PluginManifest(functions.manifest)
        } catch {
            throw PluginError(.invalidManifest, "\(path): the plugin's manifest is invalid: \(error.message)")
        }
        guard manifest.kinds.isEmpty || functions.table.reconcile != nil else {
            throw PluginError(
                .invalidManifest,
                "\(path): the plugin's manifest is invalid: kinds: it names \(manifest.kinds[0]), but the plugin has no "
                    + "reconcile function")
        }
    }

    /// Looks at the file before any code of it runs.
    private static func examine(_ path: String, _ disk: any Disk, isHostStatic: Bool) throws(PluginError) {
        let found: (kind: FileKind?, elf: ElfFile?)
        do {
            let kind = try disk.kind(of: path)
            if kind == .file {
                let file = try disk.open(path, .readOnly)
                defer { file.close() }
                found = (kind, ElfFile(file))
            } else {
                found = (kind, nil)
            }
        } catch {
            throw PluginError(.notFound, "plugin \(path) cannot be read: \(error)")
        }
        guard let kind = found.kind else {
            throw PluginError(.notFound, "there is no plugin at \(path); name a shared library (.so)")
        }
        guard kind == .file else {
            throw PluginError(.notALibrary, "\(path) is a folder; name a shared library (.so) in it")
        }
        guard let elf = found.elf, elf.isShared else {
            throw PluginError(
                .notALibrary, "\(path) is not a shared library; build one with -shared (or as a dynamic library)")
        }
        guard elf.machine == ElfFile.ownMachine else {
            throw PluginError(
                .notALibrary,
                "\(path) is built for another processor (ELF machine \(elf.machine)); build it for this one")
        }
        guard !elf.isSwift || !isHostStatic else {
            throw PluginError(
                .staticRuntime,
                "\(path) is written in Swift, and this weir carries its own Swift runtime (a static build): two in one "
                    + "process crash; use the dynamic build of weir, or a plugin in another language")
        }
    }

    /// Loads the library for good, and finds its entry.
    private static func load(_ path: String) throws(PluginError) -> weir_plugin_entry_fn {
        // Without a slash the system would look in its own folders.
        let file = path.contains("/") ? path : "./\(path)"
        guard let library = dlopen(file, RTLD_NOW | RTLD_LOCAL | Self.neverUnload) else {
            throw PluginError(.notALibrary, "\(path) cannot be loaded: \(lastError())")
        }
        guard let symbol = dlsym(library, "weir_plugin_entry") else {
            throw PluginError(
                .missingSymbol, "\(path) is a library, but no plugin: it does not export weir_plugin_entry")
        }
        return unsafeBitCast(symbol, to: weir_plugin_entry_fn.self)
    }

    /// RTLD_NODELETE, which Glibc's module does not show.
    private static let neverUnload: Int32 = 0x1000

    private static func lastError() -> String {
        guard let text = dlerror() else { return "the system does not say why" }
        return String(cString: text)
    }
}

/// Which Swift runtime this process uses.
enum SwiftRuntime {
    /// Whether the program carries the runtime in itself, so that a library in Swift would bring a second one.
    static var isStatic: Bool {
        // A dynamic runtime is a library, whose symbols anybody finds; a static one's are nobody's.
        dlsym(nil, "swift_retain") == nil
    }
}

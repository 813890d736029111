internal import WeirPluginABI

/// A plugin's table as the host uses it: a copy, as long as the host's own, with zeros where the plugin's is shorter.
///
/// `@unchecked Sendable`: immutable, and what it points to lives as long as the process.
struct PluginFunctions: @unchecked Sendable {
    let table: weir_plugin_v1

    /// A table shorter than the first one that was ever published is none.
    private static let sizeMin = MemoryLayout<weir_plugin_v1>.size
    /// No table of any later version will be longer.
    private static let sizeMax = 64 << 10

    /// Asks a library for its table, and copies what both sides know of it.
    static func ask(
        _ entry: weir_plugin_entry_fn, _ path: String
    ) throws(PluginError) -> (PluginFunctions, abiVersion: UInt32) {
        let own = PluginLibrary.hostABIVersion
        guard let found = entry(own) else {
            throw PluginError(
                .wrongABI,
                "\(path) offers nothing to a host of plugin ABI version \(own), which this weir speaks; "
                    + "build the plugin with this weir's weir_plugin.h")
        }
        let words = UnsafeRawPointer(found)
        let version = words.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
        guard version == own else {
            throw PluginError(
                .wrongABI,
                "\(path) is built for plugin ABI version \(version), but this weir speaks version \(own); "
                    + (version > own ? "use a newer weir" : "build the plugin with this weir's weir_plugin.h"))
        }
        let size = Int(words.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard size >= sizeMin, size <= sizeMax else {
            throw PluginError(
                .wrongABI,
                "\(path): its table says it has \(size) bytes, where version \(version) has at least \(sizeMin); "
                    + "set struct_size to sizeof(weir_plugin_v1)")
        }
        var table = weir_plugin_v1()
        withUnsafeMutableBytes(of: &table) { copy in
            copy.copyMemory(from: UnsafeRawBufferPointer(start: words, count: min(size, copy.count)))
        }
        return (PluginFunctions(table: table), version)
    }

    /// The manifest's text; nil where there is none.
    var manifest: [UInt8]? { table.manifest.copied(bytesMax: 64 << 10) }
}

extension weir_bytes {
    /// A copy of the bytes; nil where there are none, or a size without bytes, or more than `bytesMax`.
    func copied(bytesMax: Int) -> [UInt8]? {
        guard let data, size <= bytesMax else { return nil }
        return Array(UnsafeBufferPointer(start: data, count: size))
    }
}

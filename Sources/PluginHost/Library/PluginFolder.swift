public import WeirRuntime

/// A folder whose shared libraries are plugins.
public enum PluginFolder {
    /// The paths of the libraries in a folder, sorted: files that end in `.so`.
    ///
    /// - Throws: `PluginError.notFound` where there is no such folder, or it cannot be read.
    public static func libraries(in folder: String, disk: any Disk) throws(PluginError) -> [String] {
        do {
            guard try disk.kind(of: folder) == .directory else {
                throw PluginError(.notFound, "there is no folder \(folder) to find plugins in")
            }
            let trimmed = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
            return try disk.list(folder).filter { $0.hasSuffix(".so") }.sorted().map { "\(trimmed)/\($0)" }
        } catch let error as PluginError {
            throw error
        } catch {
            throw PluginError(.notFound, "the folder \(folder) cannot be read: \(error)")
        }
    }
}

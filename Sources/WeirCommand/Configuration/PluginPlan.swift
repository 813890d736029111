import PluginHost
import WeirIO
import WeirRuntime

/// Which plugins a node loads: those of the configuration, of `--plugin`, and of a folder.
struct PluginPlan: Sendable, Hashable {
    /// The `[[plugins]]`.
    var entries: [PluginEntry] = []
    /// Libraries named by `--plugin`.
    var paths: [String] = []
    /// A folder whose libraries are plugins.
    var directory: String?

    /// A plugin that is asked for, and what came of loading it.
    struct Candidate: Sendable {
        /// The library.
        var path: String
        /// Where it was asked for.
        var source: Source
        /// What it is told; its name is decided.
        var settings: PluginSettings
        /// The library, or why it cannot be used.
        var result: Result<PluginLibrary, PluginError>
        /// Whether the configuration wants it.
        var isEnabled = true

        /// Its name; nil where it has none because it cannot be loaded.
        var name: String? { settings.name ?? (try? result.get())?.manifest.name }
    }

    /// Where a plugin was asked for.
    enum Source: String, Sendable {
        case configuration
        case flag = "--plugin"
        case directory
    }

    /// Loads everything that is asked for; what cannot be loaded is among the answers.
    ///
    /// - Throws: Where the folder is not there, or an entry names a plugin that no folder has.
    func candidates(disk: any Disk = SystemDisk()) throws(UsageError) -> [Candidate] {
        var found: [Candidate] = []
        for entry in entries {
            guard let path = entry.path else { continue }
            found.append(candidate(path, .configuration, entry, disk))
        }
        for path in paths where !found.contains(where: { $0.path == path }) {
            // Who names a library on the command line trusts it with what it asks for.
            var entry = PluginEntry(path: path)
            entry.settings.grants = .asNeeded
            found.append(candidate(path, .flag, entry, disk))
        }
        var named = entries.filter { $0.path == nil }
        if let directory {
            for path in try libraries(in: directory, disk) where !found.contains(where: { $0.path == path }) {
                let plain = candidate(path, .directory, PluginEntry(path: path), disk)
                guard let index = named.firstIndex(where: { $0.name == plain.name }) else {
                    found.append(plain)
                    continue
                }
                var configured = plain
                let entry = named.remove(at: index)
                configured.settings = entry.settings
                configured.settings.path = path
                configured.isEnabled = entry.isEnabled
                found.append(configured)
            }
        }
        if let missing = named.first(where: \.isEnabled), let name = missing.name {
            let place = directory.map { "the folder \($0) has none" } ?? "there is no plugins-directory"
            throw UsageError.configuration("[[plugins]] configures '\(name)' without a path, but \(place) of that name")
        }
        return found
    }

    /// Loads everything that is asked for and enabled.
    ///
    /// - Throws: Where one cannot be loaded, or two have one name.
    func load(disk: any Disk = SystemDisk()) throws(UsageError) -> [(library: PluginLibrary, settings: PluginSettings)]
    {
        var loaded: [(library: PluginLibrary, settings: PluginSettings)] = []
        var names: [String: String] = [:]
        for candidate in try candidates(disk: disk) where candidate.isEnabled {
            let library: PluginLibrary
            do throws(PluginError) {
                library = try candidate.result.get()
            } catch {
                throw UsageError.configuration(error.message)
            }
            let name = candidate.name ?? library.manifest.name
            if let other = names.updateValue(candidate.path, forKey: name) {
                throw UsageError.configuration(
                    "two plugins are called \(name): \(other) and \(candidate.path); give one another name")
            }
            loaded.append((library, candidate.settings))
        }
        return loaded
    }

    private func candidate(
        _ path: String, _ source: Source, _ entry: PluginEntry, _ disk: any Disk
    ) -> Candidate {
        var settings = entry.settings
        settings.path = path
        let result: Result<PluginLibrary, PluginError>
        do throws(PluginError) {
            result = .success(try PluginLibrary(path, disk: disk))
        } catch {
            result = .failure(error)
        }
        return Candidate(
            path: path, source: source, settings: settings, result: result, isEnabled: entry.isEnabled)
    }

    private func libraries(in directory: String, _ disk: any Disk) throws(UsageError) -> [String] {
        do throws(PluginError) {
            return try PluginFolder.libraries(in: directory, disk: disk)
        } catch {
            throw UsageError.configuration("plugins-directory: \(error.message)")
        }
    }
}

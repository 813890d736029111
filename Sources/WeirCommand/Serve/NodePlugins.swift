import Kafka
import ObjectStore
import PluginHost
import WeirRuntime

/// The loadable plugins of a node.
struct NodePlugins {
    private let loaded: [(library: PluginLibrary, settings: PluginSettings)]

    /// Loads what the plan asks for; nothing is started yet.
    ///
    /// - Throws: Where one cannot be loaded: a matter of configuration.
    init(_ plan: PluginPlan) throws(UsageError) {
        loaded = try plan.load()
    }

    /// Makes components of them, which start with the runtime; their records are those of the node's broker.
    func register(in runtime: Runtime, beside kafka: KafkaPlugin) throws(UsageError) {
        guard !loaded.isEmpty else { return }
        let services = PluginServices(
            objects: { [weak runtime] in runtime?.objects },
            records: PluginRecords(kafka.broker))
        for (library, settings) in loaded {
            do {
                try runtime.register(PluginComponent(library, settings, services: services, runtime: runtime))
            } catch let error as PluginError {
                throw UsageError.configuration(error.message)
            } catch let error as RuntimeError {
                throw UsageError.configuration(error.message)
            } catch {
                throw UsageError.configuration("\(library.path): \(error)")
            }
        }
    }
}

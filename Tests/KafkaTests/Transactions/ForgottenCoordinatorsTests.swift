import Testing

@testable import Kafka

@Suite("Clients that forget coordinators")
struct ForgottenCoordinatorsTests {
    @Test(
        "librdkafka 2.16 and later are known by what they call themselves, also in a binding",
        arguments: [
            ("librdkafka", "2.16.0", true), ("librdkafka", "2.17.1-RC2", true), ("librdkafka", "3.0.0", true),
            ("librdkafka", "2.15.1", false), ("librdkafka", "1.16.0", false), ("librdkafka", "", false),
            ("confluent-kafka-python", "2.16.1-rdkafka-2.16.0", true),
            ("confluent-kafka-python", "2.16.1-rdkafka-2.15.9", false),
            ("confluent-kafka-go", "2.16.0-librdkafka-2.16.0", true), ("confluent-kafka-python", "2.16.1", false),
            ("apache-kafka-java", "4.3.0", false), ("", "", false), ("rdkafka", "rdkafka-", false),
        ])
    func software(_ name: String, _ version: String, _ forgets: Bool) {
        #expect(ClientSoftware(name: name, version: version).forgetsCoordinators == forgets)
    }
}

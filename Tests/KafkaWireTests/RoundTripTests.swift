import KafkaWire
import NIOCore
import Testing

@Suite("Messages between bytes and values")
struct RoundTripTests {
    @Test("what a definition lays out is read, written as the same bytes, and read as the same value")
    func everyMessageInEveryVersion() throws {
        for message in TypedMessage.all {
            for seed in seeds(25) {
                let bytes = message.randomBytes(seed: seed)
                do {
                    let (written, isEqual) = try message.roundTrip(bytes)
                    #expect(isEqual, "\(message.testDescription), seed \(seed)")
                    #expect(written == bytes, "\(message.testDescription), seed \(seed)")
                } catch {
                    Issue.record("\(message.testDescription), seed \(seed): \(error)")
                }
            }
        }
    }

    @Test("the table covers all messages, and their versions are the types' own")
    func tableIsWhole() {
        #expect(generatedMessages.count == 148)
        for (type, text) in generatedMessages {
            let schema = Schema(text)
            #expect(Int(type.validVersions.lowerBound) == schema.valid.lowest)
            #expect(Int(type.validVersions.upperBound) == schema.valid.highest)
            for version in type.validVersions {
                #expect(type.isFlexible(version) == (schema.flexible?.contains(Int(version)) ?? false))
            }
        }
    }

    @Test("a default value can be written in every version, and is read as itself")
    func defaults() throws {
        for message in TypedMessage.all { try checkDefault(message.type, version: message.version) }
    }

    private func checkDefault<Message: KafkaMessage>(_ type: Message.Type, version: Int16) throws {
        var buffer = ByteBuffer()
        try Message().write(to: &buffer, version: version)
        #expect(try Message.decode(buffer, version: version) == Message(), "\(Message.self) \(version)")
    }

    @Test("records and bytes share the storage of what they were read from")
    func recordsAreSlices() throws {
        var partition = ProduceRequest.PartitionProduceData()
        partition.records = ByteBuffer(repeating: 7, count: 100_000)
        var topic = ProduceRequest.TopicProduceData()
        topic.name = "orders"
        topic.partitionData = [partition]
        var request = ProduceRequest()
        request.topicData = [topic]
        var wire = ByteBuffer()
        try request.write(to: &wire, version: 9)

        let decoded = try ProduceRequest.decode(wire, version: 9)
        let records = try #require(decoded.topicData[0].partitionData[0].records)
        let whole = wire.withUnsafeReadableBytes { $0.baseAddress!..<$0.baseAddress! + $0.count }
        #expect(records.withUnsafeReadableBytes { whole.contains($0.baseAddress!) })
        #expect(records.readableBytes == 100_000)
    }
}

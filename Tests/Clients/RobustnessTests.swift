import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite("Clients that misbehave")
    struct RobustnessTests {
        /// The node answers ApiVersions on a fresh connection.
        private func expectServing(_ node: NodeProcess, sourceLocation: SourceLocation = #_sourceLocation) throws {
            let connection = try RawConnection(port: node.kafkaPort)
            try connection.send(RawConnection.versionsRequest)
            let answer = connection.receiveFrame() ?? []
            #expect(Array(answer.prefix(6)) == [0, 0, 0, 7, 0, 0], sourceLocation: sourceLocation)
        }

        /// Resident memory of the node, in bytes.
        private func residentBytes(_ node: NodeProcess) throws -> Int {
            let text = try String(contentsOfFile: "/proc/\(node.pid)/statm", encoding: .utf8)
            return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
        }

        @Test("garbage closes its connection and nothing else", .timeLimit(.minutes(2)))
        func garbage() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let huge: [UInt8] = [0x7F, 0xFF, 0xFF, 0xFF, 0, 3, 0, 1]
            let negative: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFE, 0, 3, 0, 1]
            let tooShort = RawConnection.frame([0, 3])
            let http = Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            let nullCount = RawConnection.request(api: 1, version: 4, Array(repeating: 0xFF, count: 40))
            for bytes in [huge, negative, tooShort, http, nullCount] {
                let connection = try RawConnection(port: node.kafkaPort)
                try connection.send(bytes)
                #expect(connection.receiveToEnd().isEmpty, "\(bytes.prefix(12))")
            }
            try expectServing(node)
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<300 {
                let connection = try RawConnection(port: node.kafkaPort)
                let bytes = (0..<Int.random(in: 1..<400, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                try connection.send(Bool.random() ? bytes : RawConnection.frame(bytes))
            }
            try expectServing(node)
            #expect(node.stop().status == 0)
        }

        @Test("unknown APIs and versions get their protocol error or a closed connection", .timeLimit(.minutes(1)))
        func unknown() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let versions = try RawConnection(port: node.kafkaPort)
            // A version of the future has the flexible header: no tagged fields.
            try versions.send(RawConnection.request(api: 18, version: 99, [0]))
            let answer = try #require(versions.receiveFrame())
            #expect(Array(answer.prefix(6)) == [0, 0, 0, 7, 0, 35])
            try versions.send(RawConnection.versionsRequest)
            #expect(versions.receiveFrame() != nil, "the connection stays open")
            for (api, version): (Int16, Int16) in [(999, 0), (-1, 0), (0, 99), (3, -1), (1, 99)] {
                let connection = try RawConnection(port: node.kafkaPort)
                try connection.send(RawConnection.request(api: api, version: version, [0, 0, 0, 0]))
                if let answer = connection.receiveFrame() {
                    #expect(Array(answer.prefix(4)) == [0, 0, 0, 7])
                    #expect(answer.contains(35), "api \(api) version \(version): \(answer)")
                }
            }
            try expectServing(node)
            #expect(node.stop().status == 0)
        }

        @Test(
            "a thousand idle connections, slow senders and announced gigabytes cost little memory",
            .timeLimit(.minutes(2)))
        func idleConnections() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let before = try residentBytes(node)
            let idle = try (0..<1000).map { _ in try RawConnection(port: node.kafkaPort) }
            // Each announces 90 MiB and sends a few bytes of them, one at a time.
            for connection in idle.prefix(200) { try connection.send([0x05, 0xA0, 0, 0]) }
            for byte: UInt8 in 0..<20 {
                for connection in idle.prefix(200) { try connection.send([byte]) }
            }
            try expectServing(node)
            let growth = try residentBytes(node) - before
            #expect(growth < 64 << 20, "\(growth >> 20) MiB for 1,000 idle connections")
            let (status, seconds) = node.stop()
            #expect(status == 0)
            #expect(seconds < 1)
            withExtendedLifetime(idle) {}
        }
    }
}

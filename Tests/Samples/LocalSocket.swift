#if canImport(Glibc)
import Glibc
#endif

/// A TCP socket on the loopback interface, with calls that block.
final class LocalSocket: Sendable {
    struct Failed: Error {
        let call: String
    }

    private let descriptor: Int32

    /// Connects to a port.
    init(to port: Int) throws {
        descriptor = try Self.make()
        var address = Self.address(port)
        let status = withUnsafeBytes(of: &address) {
            connect(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        guard status == 0 else {
            close(descriptor)
            throw Failed(call: "connect")
        }
        // Who says nothing for a minute is stuck: the test fails on what is missing.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Listens on a free port, and accepts nobody.
    init() throws {
        descriptor = try Self.make()
        var address = Self.address(0)
        let status = withUnsafeBytes(of: &address) {
            bind(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        guard status == 0, listen(descriptor, 16) == 0 else {
            close(descriptor)
            throw Failed(call: "listen")
        }
    }

    deinit { close(descriptor) }

    /// The port that it is bound to.
    var port: Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &address) {
            _ = getsockname(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// A port that is free now.
    static func freePort() throws -> Int { try LocalSocket().port }

    func write(_ text: String) throws {
        var left = Array(text.utf8)[...]
        while !left.isEmpty {
            let count = left.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failed(call: "send") }
            left = left.dropFirst(count)
        }
    }

    /// Reads until `text` has come, or the other side has closed; all that came.
    func read(until text: String? = nil) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while text.map({ !String(decoding: bytes, as: UTF8.self).contains($0) }) ?? true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func make() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failed(call: "socket") }
        return descriptor
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return address
    }
}

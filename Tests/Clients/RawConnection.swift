import Foundation
import Glibc

/// A plain TCP connection to a port of this machine, for clients that misbehave.
final class RawConnection {
    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let failed = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if failed != 0 { throw Failure("cannot connect to port \(port): errno \(errno)") }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Sends all bytes, or as many as the other side takes without being read: never waits.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count < 0 { return }
            sent += count
        }
    }

    /// Reads to the end of the stream; at most 20 seconds without a byte.
    func receiveToEnd() -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let chunk = receive(65536)
            if chunk.isEmpty { return bytes }
            bytes += chunk
        }
    }

    /// Reads what comes next, at most `count` bytes; empty at the end of the stream, or after 20 seconds.
    func receive(_ count: Int) -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: count)
        let got = recv(descriptor, &chunk, count, 0)
        return got > 0 ? Array(chunk[..<got]) : []
    }

    /// Reads one length-prefixed frame; nil where the connection was closed first.
    func receiveFrame() -> [UInt8]? {
        guard let header = receiveExactly(4) else { return nil }
        let length = header.reduce(0) { $0 << 8 | Int($1) }
        return receiveExactly(length)
    }

    private func receiveExactly(_ count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let chunk = receive(count - bytes.count)
            if chunk.isEmpty { return nil }
            bytes += chunk
        }
        return bytes
    }

    /// A frame: the length, then `bytes`.
    static func frame(_ bytes: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt32(bytes.count).bigEndian, Array.init) + bytes
    }

    /// A request header v1 (API, version, correlation id, client id `raw`) and a body, as a frame.
    static func request(api: Int16, version: Int16, correlation: Int32 = 7, _ body: [UInt8] = []) -> [UInt8] {
        frame(
            withUnsafeBytes(of: api.bigEndian, Array.init) + withUnsafeBytes(of: version.bigEndian, Array.init)
                + withUnsafeBytes(of: correlation.bigEndian, Array.init) + [0, 3] + Array("raw".utf8) + body)
    }

    /// Metadata v1 of all topics.
    static let metadataRequest = request(api: 3, version: 1, [0xFF, 0xFF, 0xFF, 0xFF])

    /// ApiVersions v0.
    static let versionsRequest = request(api: 18, version: 0)
}

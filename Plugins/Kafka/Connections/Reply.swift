import NIOCore
import WorkTracking

/// Where the answer of one request goes: once, on the connection's loop.
///
/// A request whose connection is gone is answered into nothing.
struct Reply: Sendable {
    let connection: ConnectionHandler
    let ticket: ConnectionHandler.Ticket

    /// Whether the request still waits: an answer and a timeout may race.
    var isWaiting: Bool { connection.isWaiting(ticket) }

    /// Completes the request with a whole frame.
    func send(_ frame: ByteBuffer) {
        connection.complete(ticket, with: frame)
    }

    /// Completes the request without a response (acks=0); its place in the order is kept.
    func sendNothing() {
        connection.complete(ticket, with: nil)
    }

    /// Closes the connection once all earlier requests are answered.
    func close(because reason: String) {
        connection.complete(ticket, with: nil)
        connection.close(after: .earlierResponses, because: reason)
    }
}

/// What answers requests: the broker, or a test.
protocol RequestServing: AnyObject, Sendable {
    /// Begins a request; `reply` is completed now or later, on the connection's loop. Called there, in order.
    ///
    /// Throws where the frame is not a request: the connection closes then.
    func serve(_ frame: ByteBuffer, _ reply: Reply) throws -> RequestFlow

    /// Takes a connection in; nil: refuses it. Called once a connection, and before its first request.
    func connectionOpened(_ connection: ConnectionHandler) -> Session?

    /// Lets a connection go.
    func connectionClosed(_ connection: ConnectionHandler)
}

/// What may happen on a connection while a request is being answered.
enum RequestFlow {
    /// Requests behind it are begun.
    case pipelined
    /// Requests behind it are begun, but no other of this kind: its response may be large.
    case single
    /// Requests behind it wait, as if the client had waited.
    case barrier
}

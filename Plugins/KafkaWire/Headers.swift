public import NIOCore

extension RequestHeader {
    /// Reads the header of a request, in the version that its API key and version call for.
    ///
    /// The keys of ``ApiKey/all`` have readable headers in every version, also one too new: an answer of
    /// UNSUPPORTED_VERSION needs the correlation id. For other keys header 1 is assumed.
    public static func read(from buffer: inout ByteBuffer) throws(WireError) -> RequestHeader {
        let start = buffer.readerIndex
        guard let key = buffer.getInteger(at: start, as: Int16.self),
            let version = buffer.getInteger(at: start + 2, as: Int16.self)
        else { throw WireError(.truncated, "the bytes end inside a request header") }
        return try read(from: &buffer, version: ApiKey(rawValue: key).requestHeaderVersion(for: version))
    }

    /// The header in front of a request of `api` in `version`.
    public init(api: ApiKey, version: Int16, correlationId: Int32, clientId: String?) {
        self.init()
        requestApiKey = api
        requestApiVersion = version
        self.correlationId = correlationId
        self.clientId = clientId
    }

    /// Appends the header in the version that its API key and version call for.
    public func write(to buffer: inout ByteBuffer) throws(WireError) {
        try write(to: &buffer, version: requestApiKey.requestHeaderVersion(for: requestApiVersion))
    }
}

extension ResponseHeader {
    /// Reads the header in front of an answer of `api` in `version`.
    public static func read(from buffer: inout ByteBuffer, api: ApiKey, version: Int16) throws(WireError)
        -> ResponseHeader
    {
        try read(from: &buffer, version: api.responseHeaderVersion(for: version))
    }

    /// The header of the answer to the request of `correlationId`.
    public init(correlationId: Int32) {
        self.init()
        self.correlationId = correlationId
    }

    /// Appends the header in front of an answer of `api` in `version`.
    public func write(to buffer: inout ByteBuffer, api: ApiKey, version: Int16) throws(WireError) {
        try write(to: &buffer, version: api.responseHeaderVersion(for: version))
    }
}

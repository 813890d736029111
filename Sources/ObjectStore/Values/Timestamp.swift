/// A moment in UTC, to the second: how objects carry time (RFC 3339, `2026-11-21T15:30:00Z`).
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Seconds since 1970-01-01 UTC.
    public var secondsSince1970: Int64

    /// The moment so many seconds after 1970-01-01 UTC.
    public init(secondsSince1970: Int64) {
        self.secondsSince1970 = secondsSince1970
    }

    /// The moment that a clock's wall time stands for, without its fraction.
    public init(wallMilliseconds: Int64) {
        secondsSince1970 = wallMilliseconds.flooredQuotient(1000)
    }

    /// Whether `left` is before `right`.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.secondsSince1970 < right.secondsSince1970
    }
}

extension Timestamp: CustomStringConvertible {
    /// Reads the text of RFC 3339; a fraction of a second is left out. Nil where it is no moment.
    ///
    /// A leap second counts as the second after it.
    public init?(_ text: String) {
        var text = text
        guard let moment = text.withUTF8({ Timestamp(bytes: $0) }) else { return nil }
        self = moment
    }

    private init?(bytes: UnsafeBufferPointer<UInt8>) {
        var reader = DigitReader(bytes)
        guard let year = reader.number(digits: 4), reader.skip("-"), let month = reader.number(digits: 2),
            (1...12).contains(month), reader.skip("-"), let day = reader.number(digits: 2),
            day >= 1, day <= CivilDate.daysOfMonth(month, year: year),
            reader.skip("T") || reader.skip("t") || reader.skip(" "),
            let hour = reader.number(digits: 2), hour < 24, reader.skip(":"),
            let minute = reader.number(digits: 2), minute < 60, reader.skip(":"),
            let second = reader.number(digits: 2), second <= 60, reader.skipFraction(),
            let offsetMinutes = reader.offsetMinutes(), reader.isAtEnd
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        secondsSince1970 = days * 86_400 + hour * 3_600 + (minute - offsetMinutes) * 60 + second
    }

    /// The text of RFC 3339, in UTC.
    public var description: String {
        let days = secondsSince1970.flooredQuotient(86_400)
        let date = CivilDate(daysSince1970: days)
        // The product may lie below all numbers, the difference does not.
        let second = secondsSince1970 &- days &* 86_400
        guard (0...9_999).contains(date.year) else {
            return "\(date.year)\(Self.text(date, second: second).dropFirst(4))"
        }
        return Self.text(date, second: second)
    }

    /// The text, with the last four digits of the year.
    private static func text(_ date: CivilDate, second: Int64) -> String {
        String(unsafeUninitializedCapacity: 20) { bytes in
            var position = 0
            func write(_ number: Int64, _ digits: Int, _ mark: Unicode.Scalar) {
                var rest = number.magnitude
                for place in stride(from: position + digits - 1, through: position, by: -1) {
                    bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
                bytes[position + digits] = UInt8(ascii: mark)
                position += digits + 1
            }
            write(date.year, 4, "-")
            write(date.month, 2, "-")
            write(date.day, 2, "T")
            write(second / 3_600, 2, ":")
            write(second / 60 % 60, 2, ":")
            write(second % 60, 2, "Z")
            return position
        }
    }
}

extension Timestamp: Codable {
    /// Reads the text of RFC 3339.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let moment = Timestamp(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "must be a time like 2026-11-21T15:30:00Z")
        }
        self = moment
    }

    /// Writes the text of RFC 3339.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A day of the Gregorian calendar, reckoned in both directions without end.
///
/// The reckoning is Howard Hinnant's (`days_from_civil`): years begin in March, so that the odd day is the last one.
private struct CivilDate {
    let year: Int64
    let month: Int64
    let day: Int64

    init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    init(daysSince1970: Int64) {
        let days = daysSince1970 + 719_468
        let era = days.flooredQuotient(146_097)
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var daysSince1970: Int64 {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let era = yearFromMarch.flooredQuotient(400)
        let yearOfEra = yearFromMarch - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    static func daysOfMonth(_ month: Int64, year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }
}

/// Takes a text apart from its beginning.
private struct DigitReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func digit() -> Int64? {
        guard position < bytes.count else { return nil }
        let digit = bytes[position] &- UInt8(ascii: "0")
        guard digit <= 9 else { return nil }
        position += 1
        return Int64(digit)
    }

    mutating func number(digits: Int) -> Int64? {
        var number: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    /// False where there is a point without digits.
    mutating func skipFraction() -> Bool {
        guard skip(".") else { return true }
        guard digit() != nil else { return false }
        while digit() != nil {}
        return true
    }

    mutating func offsetMinutes() -> Int64? {
        if skip("Z") || skip("z") { return 0 }
        let isWest = skip("-")
        guard isWest || skip("+"), let hours = number(digits: 2), hours < 24, skip(":"),
            let minutes = number(digits: 2), minutes < 60
        else { return nil }
        return isWest ? -(hours * 60 + minutes) : hours * 60 + minutes
    }
}

extension Int64 {
    /// The quotient, rounded down also below zero.
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

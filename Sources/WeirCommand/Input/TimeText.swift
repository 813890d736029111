import ArgumentParser

/// A span of time as people write it: `90s`, `1h30m`, `2d`, or `PT1H30M` (ISO 8601, as Kafka's tools take it).
struct TimeSpan: ExpressibleByArgument, Hashable, Sendable {
    var milliseconds: Int64

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    init?(argument: String) {
        var text = Substring(argument.lowercased())
        let isISO = text.first == "p"
        if isISO { text.removeFirst() }
        guard !text.isEmpty else { return nil }
        var total: Int64 = 0
        var isTime = !isISO
        var lastUnit: Int64 = .max
        while !text.isEmpty {
            if isISO, text.first == "t", !isTime {
                isTime = true
                text.removeFirst()
            }
            let digits = text.prefix { $0.isASCII && $0.isNumber }
            let unit = text.dropFirst(digits.count).prefix { $0.isASCII && $0.isLetter && $0 != "t" }
            guard let count = Int64(digits), let size = Self.size(of: unit, isISO, isTime), size < lastUnit else {
                return nil
            }
            let (product, overflowed) = count.multipliedReportingOverflow(by: size)
            let (sum, exceeded) = total.addingReportingOverflow(product)
            guard !overflowed, !exceeded else { return nil }
            (total, lastUnit) = (sum, size)
            text = text.dropFirst(digits.count + unit.count)
        }
        milliseconds = total
    }

    /// A unit in milliseconds. Months and years have no fixed length, so there are none.
    private static func size(of unit: Substring, _ isISO: Bool, _ isTime: Bool) -> Int64? {
        switch unit {
        case "d" where !isISO || !isTime: 86_400_000
        case "w" where !isISO || !isTime: 604_800_000
        case "h" where isTime: 3_600_000
        case "m" where isTime: 60_000
        case "s" where isTime: 1000
        case "ms" where !isISO: 1
        default: nil
        }
    }
}

/// A moment as people write it: RFC 3339, or as Kafka's tools take it, without a zone, which then is UTC.
struct Moment: ExpressibleByArgument, Hashable, Sendable {
    /// Since 1970.
    var milliseconds: Int64

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    init?(argument: String) {
        var reader = FieldReader(rest: Substring(argument))
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day)
        else { return nil }
        var milliseconds = Self.dayNumber(year, month, day) * 86_400_000
        if !reader.rest.isEmpty {
            guard reader.skip("T") || reader.skip("t") || reader.skip(" "), let hour = reader.number(2),
                reader.skip(":"), let minute = reader.number(2), hour < 24, minute < 60
            else { return nil }
            milliseconds += hour * 3_600_000 + minute * 60_000
            if reader.skip(":") {
                // A leap second is the first of the next minute, as clocks that count from 1970 have it.
                guard let second = reader.number(2), second <= 60 else { return nil }
                milliseconds += second * 1000
                if reader.skip(".") {
                    guard let fraction = reader.fraction() else { return nil }
                    milliseconds += fraction
                }
            }
            guard let zone = reader.zone() else { return nil }
            milliseconds -= zone * 60_000
        }
        guard reader.rest.isEmpty else { return nil }
        self.milliseconds = milliseconds
    }

    /// RFC 3339 in UTC, to the millisecond.
    var text: String {
        let day = Int64((Double(milliseconds) / 86_400_000).rounded(.down))
        let ofDay = milliseconds - day * 86_400_000
        let (year, month, dayOfMonth) = Self.date(ofDay: day)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))T\(padded(ofDay / 3_600_000, 2)):"
            + "\(padded(ofDay / 60_000 % 60, 2)):\(padded(ofDay / 1000 % 60, 2)).\(padded(ofDay % 1000, 3))Z"
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The days since 1970-01-01, in the Gregorian calendar (Howard Hinnant, "chrono-compatible date algorithms").
    private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// What ``dayNumber`` was made of.
    private static func date(ofDay number: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch + (monthFromMarch < 10 ? 3 : -9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}

/// Reads the fields of a date from the left.
private struct FieldReader {
    var rest: Substring

    /// A number of exactly so many digits.
    mutating func number(_ width: Int) -> Int64? {
        let digits = rest.prefix(width)
        guard digits.count == width, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        rest.removeFirst(width)
        return Int64(digits)
    }

    /// Whether `character` came next.
    mutating func skip(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    /// Digits behind a point, in milliseconds; what is finer is cut off.
    mutating func fraction() -> Int64? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, digits.count <= 9 else { return nil }
        rest.removeFirst(digits.count)
        return Int64((digits + "00").prefix(3))
    }

    /// The zone's distance from UTC in minutes; none written is UTC.
    mutating func zone() -> Int64? {
        if rest.isEmpty || skip("Z") || skip("z") { return 0 }
        let isWest = rest.first == "-"
        guard skip("-") || skip("+"), let hours = number(2) else { return nil }
        _ = skip(":")
        guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        return (hours * 60 + minutes) * (isWest ? -1 : 1)
    }
}

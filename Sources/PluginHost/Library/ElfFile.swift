internal import WeirRuntime

/// What an ELF file says about itself before anything of it is run: is it a library, for this machine, in Swift?
///
/// Total: a file cut short or made up gives nil or no sections, never a trap. Reads a few kilobytes of it.
struct ElfFile {
    /// The machine that a file is for, as ELF numbers it.
    static var ownMachine: UInt16 {
        #if arch(x86_64)
        62
        #elseif arch(arm64)
        183
        #else
        0
        #endif
    }

    /// Whether it can be loaded, not only linked or run.
    let isShared: Bool
    /// The machine it is for.
    let machine: UInt16
    /// The names of its sections: empty where there are none.
    let sectionNames: [String]
    /// What stands in the table of dynamic strings: names of libraries and symbols.
    let dynamicStrings: [String]

    /// Whether Swift's compiler made it: it carries type metadata, or needs Swift's runtime.
    var isSwift: Bool {
        sectionNames.contains { $0.hasPrefix("swift5_") } || dynamicStrings.contains { $0.hasPrefix("libswiftCore.so") }
    }

    /// Reads the headers; nil where the file is no 64-bit little-endian ELF file.
    init?(_ read: (_ offset: Int64, _ count: Int) -> [UInt8]) {
        let header = read(0, 64)
        guard header.count == 64, header[0..<4] == [0x7F, 0x45, 0x4C, 0x46], header[4] == 2, header[5] == 1 else {
            return nil
        }
        isShared = Self.number(header, 16, 2) == 3
        machine = UInt16(Self.number(header, 18, 2))
        let tableOffset = Self.number(header, 40, 8)
        let entrySize = Self.number(header, 58, 2)
        let count = Self.number(header, 60, 2)
        let namesIndex = Self.number(header, 62, 2)
        guard tableOffset < 1 << 40, entrySize == 64, count > 0, namesIndex < count else {
            sectionNames = []
            dynamicStrings = []
            return
        }
        let table = read(Int64(tableOffset), Int(count * 64))
        guard table.count == Int(count * 64) else {
            sectionNames = []
            dynamicStrings = []
            return
        }
        let sections = (0..<Int(count)).map { Section(table, at: $0 * 64) }
        let names = sections[Int(namesIndex)].content(read)
        let called = sections.map { Self.text(names, at: $0.nameOffset) }
        sectionNames = called
        let strings = called.firstIndex(of: ".dynstr").map { sections[$0].content(read) } ?? []
        dynamicStrings = strings.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// An entry of the section table.
    private struct Section {
        let nameOffset: Int
        let offset: UInt64
        let size: UInt64

        init(_ table: [UInt8], at start: Int) {
            nameOffset = Int(ElfFile.number(table, start, 4))
            offset = ElfFile.number(table, start + 24, 8)
            size = ElfFile.number(table, start + 32, 8)
        }

        /// Its bytes; none where it claims to be larger than any table of strings is.
        func content(_ read: (Int64, Int) -> [UInt8]) -> [UInt8] {
            guard offset < 1 << 40, size < 64 << 20 else { return [] }
            return read(Int64(offset), Int(size))
        }
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ size: Int) -> UInt64 {
        bytes[start..<start + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func text(_ bytes: [UInt8], at start: Int) -> String {
        guard start < bytes.count else { return "" }
        return String(decoding: bytes[start...].prefix { $0 != 0 }, as: UTF8.self)
    }
}

extension ElfFile {
    /// Reads the headers of a file on a disk.
    init?(_ file: any DiskFile) {
        self.init { offset, count in
            [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                filled = 0
                while filled < count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                    guard let got = try? file.read(at: offset + Int64(filled), into: rest), got > 0 else { return }
                    filled += got
                }
            }
        }
    }
}

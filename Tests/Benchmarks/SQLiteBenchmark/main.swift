import Glibc
import ObjectStore
import SQLiteStorage
import WeirIO
import WeirRuntime

// What SQLiteStorage costs over SQLite itself: the same statements on the same tables, in turns. Every write is synced.
//
//     sqlite-benchmark [SECONDS]         writes and reads a second, each line `name = value`
//     sqlite-benchmark start FILE        opens a storage, makes one object and reads it: to be timed as a process
//     sqlite-benchmark empty             does nothing: what a start is compared with
//
// Rounds of a kind are spread over the run, and the median one counts, because the disk's speed changes meanwhile.

let clock = SystemClock()

func fail(_ message: String) -> Never {
    let line = Array("sqlite-benchmark: \(message)\n".utf8)
    _ = write(2, line, line.count)
    exit(1)
}

func object(_ name: String, size: Int64) -> Object {
    var object = Object(
        apiVersion: "example.com/v1", kind: "Widget",
        metadata: ObjectMetadata(
            name: name, namespace: "default", labels: ["app": "bench", "tier": "front"],
            annotations: ["note": "an object as many are: a few labels, a spec, a status"]),
        content: [
            "spec": ["size": .integer(size), "color": "red", "ports": [80, 443]],
            "status": ["phase": "Ready", "observedGeneration": 1],
        ])
    object.metadata.uid = "2f6b1c52-9d5e-4a3f-8f53-0f5d3c1e7a10"
    return object
}

/// Units a second in one round.
func rate(_ seconds: Double, _ body: (Int) async throws -> Void) async throws -> Double {
    let begin = clock.now
    let end = begin + .milliseconds(Int64(seconds * 1000))
    var count = 0
    while clock.now < end {
        try await body(count)
        count += 1
    }
    return Double(count) / (Double((clock.now - begin).nanoseconds) / 1e9)
}

/// Units a second of many callers in one round.
func rate(_ seconds: Double, callers: Int, _ body: @escaping @Sendable (Int, Int) async throws -> Void) async throws
    -> Double
{
    try await withThrowingTaskGroup(of: Double.self) { group in
        for caller in 0..<callers {
            group.addTask { try await rate(seconds) { turn in try await body(caller, turn) } }
        }
        return try await group.reduce(0, +)
    }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func measureStart(_ path: String) async throws {
    let storage = try await SQLiteStorage.open(path, clock: clock)
    let created = try await storage.create(object("first", size: 1))
    guard try await storage.get(created.key) == created else { fail("the object is not as it was written") }
    exit(0)
}

func measure(seconds: Double) async throws {
    var template = Array("/tmp/weir-sqlite-benchmark-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fail("no folder in /tmp") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
        for name in ["a.sqlite", "b.sqlite"] { for end in ["", "-wal", "-shm"] { unlink("\(folder)/\(name)\(end)") } };
        rmdir(folder)
    }
    let count = 256
    let names = (0..<count).map { "object-\($0)" }
    let storage = try await SQLiteStorage.open("\(folder)/a.sqlite", clock: clock)
    let other = try await SQLiteStorage.open("\(folder)/b.sqlite", clock: clock)
    for name in names {
        _ = try await storage.create(object(name, size: 0))
        _ = try await other.create(object(name, size: 0))
    }
    try await other.close()
    let raw = RawSQLite("\(folder)/b.sqlite")
    let kind = ObjectKind(group: "example.com", name: "Widget")
    let keys = names.map { ObjectKey(kind, namespace: "default", name: $0) }
    // Both logs are as long as they get before anything counts.
    raw.fillLog(kind: kind.description, names: names, json: object("object-0", size: 0).json.text)
    try await withThrowingTaskGroup(of: Void.self) { group in
        for name in names {
            group.addTask {
                for turn in 0..<32 { _ = try await storage.update(object(name, size: Int64(turn)), if: .none) }
            }
        }
        try await group.waitForAll()
    }

    var rates: [String: [Double]] = [:]
    let rounds = 7
    let share = seconds / Double(rounds) / 6
    for _ in 0..<rounds {
        rates["raw write", default: []].append(
            try await rate(share) { turn in
                raw.update(
                    kind: kind.description, name: names[turn % count],
                    json: object(names[turn % count], size: Int64(turn)).json.text)
            })
        rates["write", default: []].append(
            try await rate(share) { turn in
                _ = try await storage.update(object(names[turn % count], size: Int64(turn)), if: .none)
            })
        rates["64 writes", default: []].append(
            try await rate(share, callers: 64) { caller, turn in
                let name = names[(caller * 4 + turn) % count]
                _ = try await storage.update(object(name, size: Int64(turn)), if: .none)
            })
        rates["raw read", default: []].append(
            try await rate(share) { turn in
                let found = raw.find(kind: kind.description, name: names[turn % count])
                _ = try Object(parsing: found.json.utf8)
            })
        rates["read", default: []].append(
            try await rate(share) { turn in _ = try await storage.get(keys[turn % count]) })
        rates["64 reads", default: []].append(
            try await rate(share, callers: 64) { caller, turn in
                _ = try await storage.get(keys[(caller + turn) % count])
            })
    }
    try await storage.close()
    func line(_ name: String, _ key: String, over base: String?) {
        let value = median(rates[key] ?? [])
        let ratio = base.map { value / median(rates[$0] ?? []) }
        print(
            "sqlite: \(name) = \(Int(value)) a second\(ratio.map { ", \(Double(Int($0 * 100)) / 100) of raw" } ?? "")")
    }
    line("synced writes, raw sqlite3", "raw write", over: nil)
    line("synced writes, one caller", "write", over: "raw write")
    line("synced writes, 64 callers", "64 writes", over: "raw write")
    line("reads and decodings, raw sqlite3", "raw read", over: nil)
    line("reads, one caller", "read", over: "raw read")
    line("reads, 64 callers", "64 reads", over: "raw read")
}

let arguments = CommandLine.arguments
switch (arguments.dropFirst().first, arguments.count) {
case ("empty", 2): exit(0)
case ("start", 3): try await measureStart(arguments[2])
case (nil, _): try await measure(seconds: 12)
case (let seconds?, 2) where Double(seconds) != nil: try await measure(seconds: Double(seconds) ?? 12)
default: fail("usage: sqlite-benchmark [SECONDS | start FILE | empty]")
}

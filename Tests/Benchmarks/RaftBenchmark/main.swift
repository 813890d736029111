import Raft

// What consensus costs, in CPU time of this process. Each line is `raft: what, circumstances = figure`; scripts/bench
// prints them. With arguments only those parts are measured. Memory comes first, while the heap is fresh.

let parts = [
    ("memory", measureMemory), ("ticks", measureIdleTicks), ("leader", measureLeaderAlone),
    ("cluster", measureCluster), ("codec", measureCodec),
]
let chosen = CommandLine.arguments.dropFirst()
for (name, measurePart) in parts where chosen.isEmpty || chosen.contains(name) { measurePart() }

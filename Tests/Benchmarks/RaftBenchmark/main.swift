import Raft

// What consensus costs, in CPU time of this process. Each line is `raft: what, circumstances = figure`; scripts/bench
// prints them. Memory is measured first, while the heap is fresh.

measureMemory()
measureIdleTicks()
measureLeaderAlone()
measureCluster()
measureCodec()

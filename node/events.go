package node

import (
	"runtime"
	"time"

	"fhevm/coprocessor"
	"fhevm/fhe"
)

// What a node logs, and counts, as it happens. Failed computations and the
// committee's doings are logged where they occur.

// slow is what people are told of.
const (
	slowComputation = time.Minute
	slowSquash      = 30 * time.Second
)

func (n *Node) started() {
	p := n.Parameters()
	n.config.Logger.Info("node started",
		"version", n.config.Version, "go", runtime.Version(), "network", p.Network, "chain", p.ChainID, "protocol", p.Version,
		"parameters", p.Set, "key", p.KeyID, "acl", p.Contracts.ACL, "executor", p.Contracts.Executor,
		"data", n.config.DataDir, "rpc", n.RPC(), "api", n.API(), "metrics", n.Metrics(), "maxDelay", n.admission.limit)
}

func (n *Node) stopped(err error) {
	s := n.Stats()
	n.config.Logger.Info("node stopped", "error", err, "computations", s.Done, "failures", s.Failed, "missing", s.Missing)
}

// appended is told of each block that the coprocessor has stored.
func (n *Node) appended(b *fhe.Batch) {
	operations, inputs, wants := 0, 0, 0
	for _, e := range b.Entries {
		switch {
		case e.Operation != nil:
			operations++
		case e.Input != nil:
			inputs++
		case e.Wanted != nil:
			wants++
		}
	}
	n.config.Logger.Debug("block appended", "block", b.Number, "hash", b.Hash, "operations", operations, "inputs", inputs, "wants", wants)
	n.watches.append(b)
}

func (n *Node) computed(t coprocessor.Trace) {
	n.metrics.computed(t)
	if t.Duration > slowComputation {
		n.config.Logger.Warn("slow computation", "handle", t.Handle, "kind", t.Kind, "duration", t.Duration, "bootstraps", t.Bootstraps)
	}
	if n.config.Trace != nil {
		n.config.Trace(t)
	}
}

func (n *Node) squashDone(t coprocessor.SquashTrace) {
	n.metrics.squashed(t)
	if t.Duration > slowSquash {
		n.config.Logger.Warn("slow squash", "duration", t.Duration, "kept", t.Kept, "error", t.Err)
	}
}

package simulate

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math/rand/v2"
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"
)

// Network is the run of one protocol.
type Network struct {
	Rng     *rand.Rand
	Honest  []threshold.PartyID // whose machines run; Client may be one
	Corrupt threshold.PartySet
	// Boot makes the machine of an honest party from what its earlier machines
	// saved, in order; nothing at first.
	Boot      func(id threshold.PartyID, journal [][]byte) Machine
	Adversary Adversary // nil: Silent
	Faults    Faults
	Watch     func(Message) // nil: nobody; sees all that is sent, for invariants

	nodes  map[threshold.PartyID]*node
	queue  queue
	seq    uint64 // of events, to order those of one time
	now    uint64
	result Result
	digest hash.Hash
}

// Result says what happened in a run.
type Result struct {
	Steps, Messages, Crashes, Losses int
	Transcript                       fhe.Digest // of all messages in the order of sending
}

// node is an honest party with its disk.
type node struct {
	machine Machine // nil while it is down
	journal [][]byte
}

const (
	maxSteps  = 1 << 20 // of a run: one with more does not end
	maxRounds = 1 << 10 // times that time is over, likewise
)

// Run runs until every honest machine has a result and nothing is on its way, or
// until nothing happens any more even when time is over. The error is a protocol
// that does not come to rest.
func (n *Network) Run() (Result, error) {
	n.begin()
	for range maxRounds {
		if err := n.drain(); err != nil {
			return n.result, err
		}
		if n.Done() || !n.expire() {
			n.digest.Sum(n.result.Transcript[:0])
			return n.result, nil
		}
	}
	return n.result, fmt.Errorf("machines go on after time was over %d times", maxRounds)
}

// Machine returns the present machine of an honest party.
func (n *Network) Machine(id threshold.PartyID) Machine { return n.nodes[id].machine }

// Journal returns what is on an honest party's disk.
func (n *Network) Journal(id threshold.PartyID) [][]byte { return n.nodes[id].journal }

// Done reports whether all honest machines have a result.
func (n *Network) Done() bool {
	return !slices.ContainsFunc(n.Honest, func(id threshold.PartyID) bool { return !n.nodes[id].machine.Done() })
}

func (n *Network) begin() {
	n.nodes, n.digest = map[threshold.PartyID]*node{}, sha256.New()
	if n.Adversary == nil {
		n.Adversary = Silent{}
	}
	for _, id := range n.Honest {
		n.nodes[id] = new(node)
		n.push(event{at: n.delay(), to: id})
	}
	n.speak(n.Adversary.Start())
}

// expire tells the machines without result, in order, that time is over and
// reports whether that changed anything.
func (n *Network) expire() (changed bool) {
	for _, id := range n.Honest {
		if m := n.nodes[id].machine; !m.Done() {
			n.handle(event{to: id}, m.Expire)
			changed = changed || m.Done() || n.queue.Len() > 0
		}
	}
	return changed
}

func (n *Network) drain() error {
	for n.queue.Len() > 0 {
		if n.result.Steps > maxSteps {
			return fmt.Errorf("no end after %d events", maxSteps)
		}
		e := heap.Pop(&n.queue).(event)
		n.now = e.at
		n.deliver(e)
	}
	return nil
}

// deliver hands an event to its party, or puts it off: messages wait for a party
// that is down.
func (n *Network) deliver(e event) {
	p := n.nodes[e.to]
	switch {
	case e.message == nil:
		p.machine = n.Boot(e.to, slices.Clone(p.journal))
		n.handle(e, p.machine.Start)
	case p.machine == nil:
		n.again(e)
	case e.losses < maxLosses && n.Rng.Float64() < n.Faults.Lose:
		e.losses++
		n.result.Losses++
		n.again(e)
	default:
		n.handle(e, func() Output { return p.machine.Receive(*e.message) })
	}
}

// handle runs one event of an honest party and its effects, up to the point
// where it crashes. What it had not finished comes again.
func (n *Network) handle(e event, run func() Output) {
	p, where := n.nodes[e.to], Nowhere
	if n.Faults.Crash != nil {
		where = n.Faults.Crash(n.result.Steps)
	}
	n.result.Steps++
	out := run()
	if where != BeforeSave && out.Save != nil {
		p.journal = append(p.journal, out.Save)
	}
	switch where {
	case Nowhere, AfterSending:
		n.sendAll(e.to, out.Send)
	case WhileSending:
		n.sendAll(e.to, out.Send[:n.Rng.IntN(len(out.Send)+1)])
	}
	if where == Nowhere {
		return
	}
	p.machine = nil
	n.result.Crashes++
	n.push(event{at: n.now + 1 + n.delay(), to: e.to})
	if where != AfterSending && e.message != nil {
		n.again(e)
	}
}

func (n *Network) sendAll(from threshold.PartyID, messages []Message) {
	for _, m := range messages {
		m.From = from
		n.send(m)
	}
}

// speak sends what the adversary says, in the names of corrupt parties alone:
// channels are authenticated.
func (n *Network) speak(messages []Message) {
	for _, m := range messages {
		if n.Corrupt.Has(m.From) {
			n.send(m)
		}
	}
}

func (n *Network) send(m Message) {
	n.record(m)
	if n.Watch != nil {
		n.Watch(m)
	}
	switch {
	case n.Corrupt.Has(m.To):
		n.speak(n.Adversary.Observe(m))
	case n.nodes[m.To] != nil:
		e := event{at: n.now + n.delay(), to: m.To, message: &m}
		if n.Faults.Rush && n.Corrupt.Has(m.From) {
			e.at = n.now
		}
		n.push(e)
		if n.Rng.Float64() < n.Faults.Duplicate {
			e.at += n.delay()
			n.push(e)
		}
	}
}

func (n *Network) record(m Message) {
	n.result.Messages++
	n.digest.Write([]byte{byte(m.From), byte(m.To)})
	n.digest.Write(binary.BigEndian.AppendUint32(nil, uint32(len(m.Body))))
	n.digest.Write(m.Body)
}

// delay is 0 to Delay, mostly short.
func (n *Network) delay() uint64 {
	if n.Faults.Delay == 0 {
		return 0
	}
	d := n.Rng.Uint64N(n.Faults.Delay + 1)
	if n.Rng.IntN(4) > 0 {
		d /= 16
	}
	return d
}

func (n *Network) again(e event) {
	e.at = n.now + 1 + n.delay()
	n.push(e)
}

func (n *Network) push(e event) {
	e.seq = n.seq
	n.seq++
	heap.Push(&n.queue, e)
}

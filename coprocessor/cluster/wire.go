package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"fhevm/coprocessor"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// format is the version of every message.
const format = 1

// Bounds of messages (SPEC 7.5).
const (
	maxMessage = 1 << 20
	maxName    = 64
	maxReason  = 1024
)

// errForeign refuses a task of another chain, ACL, key or protocol version.
var errForeign = errors.New("the task belongs to another chain, ACL, key or protocol version")

// errand is a task on its way to a worker.
type errand struct {
	Not  string // worker that is not to compute it; may be empty
	Task *coprocessor.Task
}

// encode is format(1) | length(1) | not | Domain(61) | jobs(2) | inputs(2) |
// inputs(65 each) | length(2) and node of each job.
func (e *errand) encode() ([]byte, error) {
	b := appendName([]byte{format}, e.Not)
	b = e.Task.Domain.Append(b)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Task.Jobs)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Task.Inputs)))
	for _, in := range e.Task.Inputs {
		b = append(append(append(b, in.Content[:]...), in.Index), in.Digest[:]...)
	}
	for _, n := range e.Task.Jobs {
		enc, err := n.MarshalBinary()
		if err != nil {
			return nil, err
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(enc))), enc...)
	}
	if len(b) > maxMessage {
		return nil, fmt.Errorf("task has %d bytes, want at most %d", len(b), maxMessage)
	}
	return b, nil
}

const inputSize = 32 + 1 + 32

// parseErrand is the inverse of encode for tasks of one domain.
func parseErrand(b []byte, domain fhe.Domain) (*errand, error) {
	r := reader{b: b}
	r.format()
	e := &errand{Not: r.name(), Task: &coprocessor.Task{Domain: domain}}
	if d := r.take(fhe.DomainSize); r.err == nil && string(d) != string(domain.Append(nil)) {
		return nil, errForeign
	}
	jobs, inputs := r.count(1, coprocessor.MaxTaskJobs), r.count(0, coprocessor.MaxTaskInputs)
	for range inputs {
		in := r.take(inputSize)
		if r.err != nil {
			break
		}
		e.Task.Inputs = append(e.Task.Inputs, coprocessor.TaskInput{Content: store.ID(in[:32]), Index: in[32], Digest: fhe.Digest(in[33:])})
	}
	for range jobs {
		n := new(store.Node)
		if enc := r.take(r.count(0, maxMessage)); r.err == nil {
			r.err = n.UnmarshalBinary(enc)
		}
		if r.err == nil && n.Kind == store.Undefined {
			r.err = errors.New("a job computes nothing")
		}
		if r.err != nil {
			break
		}
		e.Task.Jobs = append(e.Task.Jobs, n)
	}
	return e, r.end("task")
}

// message is what a worker says about a task.
type message struct {
	Task       fhe.Digest // of the encoded errand
	Worker     string
	Kind       messageKind
	Deliveries uint16 // of a poisoned task
	Reason     string // of one that is returned
	Results    []coprocessor.TaskResult
}

type messageKind uint8

const (
	reported messageKind = iota // Results holds one for each job
	returned                    // the worker cannot compute it, another may
	poisoned                    // it was delivered too often
)

const (
	resultNothing = iota
	resultDigest
	resultFailure
)

// encode is format(1) | task(32) | length(1) | worker | kind(1) | what the kind has.
func (m *message) encode() []byte {
	b := append([]byte{format}, m.Task[:]...)
	b = append(appendName(b, m.Worker), byte(m.Kind))
	switch m.Kind {
	case poisoned:
		return binary.BigEndian.AppendUint16(b, m.Deliveries)
	case returned:
		return appendReason(b, m.Reason)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Results)))
	for i := range m.Results {
		r := &m.Results[i]
		b = binary.BigEndian.AppendUint64(b, r.Bootstraps)
		b = binary.BigEndian.AppendUint64(b, uint64(r.Duration))
		switch {
		case r.Failure != "":
			b = appendReason(append(b, resultFailure), r.Failure)
		case r.Digest != fhe.Digest{}:
			b = append(append(b, resultDigest), r.Digest[:]...)
		default:
			b = append(b, resultNothing)
		}
	}
	return b
}

func parseMessage(b []byte) (*message, error) {
	r := reader{b: b}
	r.format()
	m := &message{}
	copy(m.Task[:], r.take(32))
	m.Worker, m.Kind = r.name(), messageKind(r.byte())
	switch m.Kind {
	case reported:
		for range r.count(1, coprocessor.MaxTaskJobs) {
			if m.Results = append(m.Results, r.result()); r.err != nil {
				break
			}
		}
	case returned:
		m.Reason = r.reason()
	case poisoned:
		m.Deliveries = uint16(r.count(0, 1<<16-1))
	default:
		r.fail(fmt.Errorf("unknown kind %d", m.Kind))
	}
	if m.Worker == "" {
		r.fail(errors.New("the worker has no name"))
	}
	return m, r.end("report")
}

func (r *reader) result() (x coprocessor.TaskResult) {
	x.Bootstraps, x.Duration = r.uint64(), time.Duration(r.uint64())
	if x.Duration < 0 {
		r.fail(errors.New("a duration is negative"))
	}
	switch kind := r.byte(); kind {
	case resultNothing:
	case resultDigest:
		if copy(x.Digest[:], r.take(32)); x.Digest == (fhe.Digest{}) {
			r.fail(errors.New("a digest is zero"))
		}
	case resultFailure:
		if x.Failure = r.reason(); x.Failure == "" {
			r.fail(errors.New("a failure has no reason"))
		}
	default:
		r.fail(fmt.Errorf("unknown result %d", kind))
	}
	return x
}

// announcement says that a worker is there, and how many tasks it works on at a
// time: none if it is about to leave.
type announcement struct {
	Worker string
	Room   uint16
}

// encode is format(1) | room(2) | length(1) | worker.
func (a *announcement) encode() []byte {
	return appendName(binary.BigEndian.AppendUint16([]byte{format}, a.Room), a.Worker)
}

func parseAnnouncement(b []byte) (a announcement, err error) {
	r := reader{b: b}
	r.format()
	a.Room, a.Worker = uint16(r.count(0, MaxTasks)), r.name()
	if a.Worker == "" {
		r.fail(errors.New("the worker has no name"))
	}
	return a, r.end("announcement")
}

func appendName(b []byte, name string) []byte {
	name = name[:min(len(name), maxName)]
	return append(append(b, byte(len(name))), name...)
}

func appendReason(b []byte, reason string) []byte {
	reason = reason[:min(len(reason), maxReason)]
	return append(binary.BigEndian.AppendUint16(b, uint16(len(reason))), reason...)
}

// reader takes a message apart; after the first error it gives zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// take returns the next n bytes, n zeros if they are missing.
func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.fail(errors.New("it ends early"))
	}
	if r.err != nil {
		return make([]byte, min(n, inputSize))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

func (r *reader) format() {
	if f := r.byte(); f != format {
		r.fail(fmt.Errorf("it has format %d, want %d", f, format))
	}
}

// count reads a number that bounds what follows.
func (r *reader) count(least, most int) int {
	n := int(binary.BigEndian.Uint16(r.take(2)))
	if r.err == nil && (n < least || n > most) {
		r.fail(fmt.Errorf("count %d, want %d to %d", n, least, most))
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *reader) name() string {
	n := int(r.byte())
	if n > maxName {
		r.fail(fmt.Errorf("a name has %d bytes, want at most %d", n, maxName))
	}
	return r.text(n)
}

func (r *reader) reason() string { return r.text(r.count(0, maxReason)) }

func (r *reader) text(n int) string {
	if b := r.take(n); r.err == nil {
		return string(b)
	}
	return ""
}

func (r *reader) end(what string) error {
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("%d bytes are left over", len(r.b))
	}
	if r.err != nil {
		return fmt.Errorf("decode %s: %w", what, r.err)
	}
	return nil
}

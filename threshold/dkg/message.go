package dkg

import (
	"encoding/binary"
	"errors"
	"fmt"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// Kind says what a message is for; the rounds of a run are in this order.
type Kind uint8

// Kinds of messages.
const (
	Commitments Kind = 1 + iota // hashes of the sender's contributions to the seeds of its sets
	Reveal                      // to one party: the contributions to the sets of both
	Squares                     // shares of squares of random elements
	Masked                      // shares of masked secret bits and errors
	Bodies                      // shares of a chunk of the keys' bodies
	Ready                       // digests of the finished keys
	Confirm                     // the same, when all were ready

	Complaint  // a run that does not go on, and the round that failed
	Disclosure // all contributions that the sender knows, of a run that was given up
	Verdict    // messages that convict their sender
	Farewell   // the sender has given the run up
)

var kindNames = [...]string{"", "commitments", "contributions", "squares", "masked bits", "bodies", "finished keys", "confirmation", "complaint", "disclosure", "verdict", "farewell"}

// String is a noun for people.
func (k Kind) String() string {
	if int(k) < len(kindNames) && k > 0 {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Message is what parties send each other. Its signature covers all else, so that
// it can be shown to a third party.
type Message struct {
	Run       fhe.Digest
	From, To  threshold.PartyID // To is 0 if the same goes to all
	Kind      Kind
	Index     uint32 // of a chunk
	Body      []byte
	Signature eip712.Signature
}

// headSize is the size of a message's encoding but for its body.
const headSize = 32 + 1 + 1 + 1 + 4 + 65

// MaxMessage bounds an encoded message: a verdict on t parties' squares, of 4 MB each.
const MaxMessage = 1 << 24

const maxBody = MaxMessage - headSize

// Encode returns run(32) | from(1) | to(1) | kind(1) | index(4) | signature(65) | body.
func (m *Message) Encode() []byte {
	b := make([]byte, 0, headSize+len(m.Body))
	b = append(append(b, m.Run[:]...), byte(m.From), byte(m.To), byte(m.Kind))
	b = binary.BigEndian.AppendUint32(b, m.Index)
	return append(append(b, m.Signature[:]...), m.Body...)
}

// ParseMessage is the inverse of Encode. It shares b's memory and checks nothing but
// sizes.
func ParseMessage(b []byte) (*Message, error) {
	if len(b) < headSize || len(b) > MaxMessage {
		return nil, fmt.Errorf("message of %d bytes, want %d to %d", len(b), headSize, MaxMessage)
	}
	return &Message{
		Run: fhe.Digest(b[:32]), From: threshold.PartyID(b[32]), To: threshold.PartyID(b[33]), Kind: Kind(b[34]),
		Index: binary.BigEndian.Uint32(b[35:]), Signature: eip712.Signature(b[39:headSize]), Body: b[headSize:],
	}, nil
}

// slot is a message's place in a run: a sender has one message for each.
type slot struct {
	from, to threshold.PartyID
	kind     Kind
	index    uint32
}

func (m *Message) slot() slot { return slot{m.From, m.To, m.Kind, m.Index} }

// limit bounds the body of a kind of message. What is longer counts as not sent.
func (r *Run) limit(kind Kind) int {
	z, chunk := sizesOf(r.Params), newChunk(r.Params, 1).size()
	switch kind {
	case Commitments, Reveal:
		return 32 * (1 + len(r.sets))
	case Squares:
		return wideSize * z.bits()
	case Masked:
		return wideSize * z.moved()
	case Bodies:
		return max(chunk, newChunk(r.Params, 0).size())
	case Disclosure:
		return 32*len(r.sets) + 1 + maxMessages*(4+headSize+32*(1+len(r.sets)))
	case Verdict:
		return maxBody
	}
	return 2 * 32
}

const messageTag = "fhevm key generation message"

// digest is what the sender signs.
func (m *Message) digest() fhe.Digest {
	head := binary.BigEndian.AppendUint32([]byte{byte(m.From), byte(m.To), byte(m.Kind)}, m.Index)
	body := fhe.Keccak(m.Body)
	return fhe.Keccak([]byte(messageTag), m.Run[:], head, body[:])
}

// authentic reports whether the message is the sender's.
func (r *Run) authentic(m *Message) bool {
	member, err := r.Committee.Member(m.From)
	if err != nil || m.Run != r.ID() {
		return false
	}
	signer, err := m.Signature.Recover(m.digest())
	return err == nil && signer == member.Signer
}

// errBody says that a body is not what its kind demands.
var errBody = errors.New("malformed message")

// append appends the words of a chunk: those modulo Q1, Q2, Q3, then those of
// the squash key, 8 bytes each, big-endian.
func (c *chunk) append(b []byte) []byte {
	for _, words := range c.all() {
		for _, w := range words {
			b = binary.BigEndian.AppendUint64(b, w)
		}
	}
	return b
}

func (c *chunk) all() [][]uint64 { return append(c.words[:], c.squash[:]...) }

// size is the encoded size of a chunk.
func (c *chunk) size() (n int) {
	for _, words := range c.all() {
		n += 8 * len(words)
	}
	return n
}

// parseChunk decodes what a party has of chunk c.
func parseChunk(p *tfhe.Params, c int, b []byte) (*chunk, error) {
	out := newChunk(p, c)
	if len(b) != out.size() {
		return nil, errBody
	}
	for i, words := range out.all() {
		prime := primes[i%narrows]
		for x := range words {
			if words[x] = binary.BigEndian.Uint64(b); words[x] >= prime {
				return nil, errBody
			}
			b = b[8:]
		}
	}
	return out, nil
}

package dkg

import (
	"errors"
	"slices"

	"fhevm/threshold"
)

// wides decodes all parties' elements of a round.
func (m *Machine) wides(kind Kind, count int) ([][]wide, error) {
	var out [][]wide
	for _, body := range m.bodies(kind) {
		xs, err := parseWide(body, count)
		if err != nil {
			return nil, errBody
		}
		out = append(out, xs)
	}
	return out, nil
}

// moveBits opens the squares, which gives random bits, and sends masked what has to
// go to the narrow fields.
func (m *Machine) moveBits() error {
	z := sizesOf(m.run.Params)
	shares, err := m.wides(Squares, z.bits())
	if err != nil {
		return err
	}
	opened, err := newWideOpener(m.run.quorum).open(shares)
	if err != nil {
		return err
	}
	if err := toBits(m.roots, opened); err != nil {
		return err
	}
	var masked []wide
	masked, m.masks = m.randomness.mask(z.elements(m.roots))
	m.phase = Masked
	m.send(0, Masked, 0, appendWide(nil, masked))
	return nil
}

// begin opens what was masked, which gives shares of all secrets in the narrow
// fields, and sends the first chunks.
func (m *Machine) begin() error {
	shares, err := m.wides(Masked, sizesOf(m.run.Params).moved())
	if err != nil {
		return err
	}
	opened, err := newWideOpener(m.run.quorum).open(shares)
	if err != nil {
		return err
	}
	unmask(&m.masks, opened)
	m.secret = newSecret(m.run.Params, &m.masks)
	m.forget(Squares, 0)
	m.phase = Bodies
	for c := range window {
		m.sendChunk(c)
	}
	return nil
}

// sendChunk sends this party's shares of chunk c, if there is one.
func (m *Machine) sendChunk(c int) {
	if c < chunks(m.run.Params) {
		m.send(0, Bodies, uint32(c), m.secret.chunk(m.randomness, m.assembly, c).append(nil))
	}
}

// open opens one chunk, and forgets its messages.
func (m *Machine) open() error {
	c := int(m.next)
	var shares []*chunk
	for _, body := range m.bodies(Bodies) {
		s, err := parseChunk(m.run.Params, c, body)
		if err != nil {
			return err
		}
		shares = append(shares, s)
	}
	opened := newChunk(m.run.Params, c)
	if err := m.openers.open(opened, shares); err != nil {
		return err
	}
	m.assembly.put(c, opened)
	m.next++
	m.sendChunk(c + window)
	for id := range m.others().All() {
		m.pass(m.inbox[slot{from: id, kind: Bodies, index: m.next}])
	}
	if c >= window {
		m.forget(Bodies, c-window)
	}
	if int(m.next) == chunks(m.run.Params) {
		m.keys = m.assembly.keys()
		m.phase = Ready
		m.digests = m.keys.digests()
		m.send(0, Ready, 0, m.digests)
		m.heedAll()
	}
	return nil
}

// forget drops messages that no party can miss any more: none is more than a round,
// or a window, behind.
func (m *Machine) forget(kind Kind, index int) {
	for id := range m.run.quorum.All().All() {
		delete(m.inbox, slot{from: id, kind: kind, index: uint32(index)})
	}
}

// errKeys says that a party claims to have other keys. Opened bodies are the same for
// all, so it lies.
var errKeys = errors.New("finished keys differ")

// confirm says that the party will use the keys, now that all are ready. From here on
// it discloses nothing, whatever happens.
func (m *Machine) confirm() error {
	for id := range m.others().All() {
		if msg := m.message(Ready, id); !slices.Equal(msg.Body, m.digests) {
			m.accuse(errKeys, msg)
			return nil
		}
	}
	m.phase = Confirm
	m.send(0, Confirm, 0, m.digests)
	return nil
}

// Keys returns the public keys; nil until they are finished. They are not to be used
// before the machine is Done.
func (m *Machine) Keys() *Keys { return m.keys }

// others are all parties but the machine's own.
func (m *Machine) others() threshold.PartySet {
	return m.run.quorum.All() &^ threshold.Parties(m.id)
}

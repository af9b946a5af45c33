package generation

import (
	"crypto/rand"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"fhevm/fhe"
	"fhevm/threshold/dkg"
	"fhevm/threshold/eip712"
)

// Party 4 takes no delivery, and asks party 1 again and again for what it has: the
// others give up when their patience ends.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := inMemory(t)
		const patience = time.Minute
		out := m.start(t, []int{0, 1, 2}, patience)
		m.listeners[3].Close()
		own, err := dkg.New(m.run, 4, m.ids[3].Signer, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		commitments := own.Out()[0].Message
		for i := range 3 {
			l, err := newLink(m.run.Committee.Members[i], m.ids[3], m.dial)
			if err != nil {
				t.Fatal(err)
			}
			defer l.conn.Close()
			l.deliver(t.Context(), commitments)
			if i > 0 {
				continue
			}
			synctest.Wait() // all that the others have said is there
			for n := range uint32(16) {
				go l.deliver(t.Context(), m.complaint(n))
			}
		}
		limit := time.After(4 * patience) // time passes in this test only while everybody waits
		for n := 3; n > 0; n-- {
			select {
			case e := <-out:
				t.Logf("party %d ends: %v", e.party+1, e.err)
			case <-limit:
				t.Fatalf("%d honest parties still run after %v, with %v of patience", n, 4*patience, patience)
			}
		}
	})
}

// complaint is party 4's word that party 2 has sent it nothing.
func (m *meeting) complaint(n uint32) *dkg.Message {
	msg := &dkg.Message{Run: m.run.ID(), From: 4, Kind: dkg.Complaint, Index: n, Body: []byte{byte(dkg.Commitments), 0, 0, 0, 0, 0, 0b11110}}
	body := fhe.Keccak(msg.Body)
	head := binary.BigEndian.AppendUint32([]byte{4, 0, byte(dkg.Complaint)}, n)
	msg.Signature = eip712.Sign(m.ids[3].Signer, fhe.Keccak([]byte("fhevm key generation message"), msg.Run[:], head, body[:]))
	return msg
}

// Strangers open connections and say nothing: the parties make keys as if there were
// none, before any patience ends.
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := inMemory(t)
		for _, l := range m.listeners {
			for range 300 {
				go m.dial(t.Context(), l.Addr().String())
			}
		}
		synctest.Wait() // they are the first
		out := m.start(t, []int{0, 1, 2, 3}, 5*time.Second)
		for range 4 {
			if e := <-out; e.err != nil {
				t.Errorf("party %d: %v", e.party+1, e.err)
			}
		}
	})
}

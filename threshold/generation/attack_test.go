package generation

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"testing"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/dkg"
	"fhevm/threshold/eip712"
)

// Party 4 takes no delivery, and asks party 1 again and again for what it has: the
// others give up when their patience ends.
func TestFullQueue(t *testing.T) {
	c, ids, listeners := members(t)
	run, err := dkg.NewRun(c, &few, fhe.Digest{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	out := make(chan ended, 3)
	for i := range 3 {
		go func() {
			r, err := Generate(ctx, Config{Run: run, Party: threshold.PartyID(i + 1), Identity: ids[i], Listener: listeners[i], Gather: patience, Patience: patience})
			out <- ended{i, r, err}
		}()
	}
	listeners[3].Close()
	m, err := dkg.New(run, 4, ids[3].Signer, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	commitments := m.Out()[0].Message
	for i := range 3 {
		l, err := newLink(c.Members[i], ids[3])
		if err != nil {
			t.Fatal(err)
		}
		l.deliver(ctx, commitments)
		if i > 0 {
			continue
		}
		defer l.conn.Close()
		time.Sleep(time.Second) // all commitments are there
		for n := range uint32(16) {
			msg := &dkg.Message{Run: run.ID(), From: 4, Kind: dkg.Complaint, Index: n, Body: []byte{byte(dkg.Commitments), 0, 0, 0, 0, 0, 0b11110}}
			body := fhe.Keccak(msg.Body)
			head := binary.BigEndian.AppendUint32([]byte{4, 0, byte(dkg.Complaint)}, n)
			msg.Signature = eip712.Sign(ids[3].Signer, fhe.Keccak([]byte("fhevm key generation message"), msg.Run[:], head, body[:]))
			go l.deliver(ctx, msg)
		}
	}
	limit := time.After(70 * time.Second)
	for n := 3; n > 0; n-- {
		select {
		case e := <-out:
			t.Logf("party %d ends: %v", e.party+1, e.err)
		case <-limit:
			t.Fatalf("%d honest parties still run after 70 s, with %v of patience", n, patience)
		}
	}
}

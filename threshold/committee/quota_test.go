package committee

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/permit"
)

var rudeCode = threshold.Code("a code that is much longer than any of ours is")

// rude is a coprocessor that refuses in its own words.
type rude struct{}

func (rude) Squashed(context.Context, *SquashRequest) (*Squashed, error) {
	return nil, &threshold.Fault{Code: rudeCode}
}

// full is a request that takes all squashed blocks that one may have: 544.
func (n *network) full() *permit.Request {
	var handles []fhe.Handle
	for range 8 {
		handles = append(handles, n.value(fhe.Uint256, 1))
	}
	return n.request(handles, nil)
}

// limit starts party 1 with quotas.
func (n *network) limit(t *testing.T, q Quotas) *Party {
	t.Helper()
	return n.reopen(t, func(c *RecordsConfig) { c.Quotas = q })
}

// as is a context of a request that comes with a certificate.
func as(t *testing.T, caller byte) context.Context {
	return context.WithValue(t.Context(), callerKey{}, fhe.Digest{caller})
}

// second is a request of another user.
func (n *network) second(handles []fhe.Handle) *permit.Request {
	was := n.user
	defer func() { n.user = was }()
	n.user = secp256k1.PrivKeyFromBytes([]byte{31: 43})
	for _, h := range handles {
		n.chain.set(h, true, eip712.AddressOf(n.user.PubKey()))
	}
	return n.request(handles, nil)
}

func retry(t *testing.T, err error) time.Duration {
	t.Helper()
	var f *threshold.Fault
	if !errors.As(err, &f) || f.Code != threshold.QuotaExceeded {
		t.Fatalf("refusal is %v", err)
	}
	return f.Retry
}

// TestUserQuota: who has used up its blocks is told when to come again, and may; other
// users notice nothing.
func TestUserQuota(t *testing.T) {
	n := newNetwork(t, 60)
	q := n.full()
	blocks := len(n.partials(t, 1, q.Handles))
	p := n.limit(t, Quotas{User: Quota{Minute: maxBlocks}})
	if _, err := p.UserDecrypt(as(t, 1), q); err != nil {
		t.Fatal(err)
	}
	_, err := p.UserDecrypt(as(t, 1), q)
	wait := retry(t, err)
	if most := time.Minute * time.Duration(blocks) / maxBlocks; wait < most*8/10 || wait > most+2*time.Second {
		t.Errorf("come again in %v, the quota is back in %v", wait, most)
	}
	if _, err := p.UserDecrypt(as(t, 1), n.second(q.Handles)); err != nil {
		t.Errorf("another user: %v", err)
	}
	n.clock.Add(int64(wait / time.Second))
	if _, err := p.UserDecrypt(as(t, 1), q); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

// TestCallerQuota: a relay has a quota for all its users, another relay its own, and
// what a user is refused costs the relay nothing.
func TestCallerQuota(t *testing.T) {
	n := newNetwork(t, 61)
	q := n.full()
	p := n.limit(t, Quotas{User: Quota{Minute: maxBlocks}, Caller: Quota{Day: 2 * maxBlocks}})
	for range 5 {
		p.UserDecrypt(as(t, 1), q) // the first is answered, the others are beyond the user's quota
	}
	other := n.second(q.Handles)
	if _, err := p.UserDecrypt(as(t, 1), other); err != nil {
		t.Fatalf("refusals cost the relay its quota: %v", err)
	}
	n.clock.Add(60)
	_, err := p.UserDecrypt(as(t, 1), q)
	if wait := retry(t, err); wait < time.Hour {
		t.Errorf("the relay's day is over in %v", wait)
	}
	if _, err := p.UserDecrypt(as(t, 2), q); err != nil {
		t.Errorf("by another relay: %v", err)
	}
	n.publish(q.Handles...)
	if _, err := p.Share(as(t, 1), &ShareRequest{Handles: q.Handles, From: 2}); code(err) != threshold.QuotaExceeded {
		t.Errorf("a share: %v", err)
	}
}

// TestQuotaSurvives: neither a restart nor a crash gives a fresh budget, and time does.
func TestQuotaSurvives(t *testing.T) {
	n := newNetwork(t, 62)
	q := n.full()
	quotas := Quotas{User: Quota{Day: maxBlocks}, Caller: Quota{Day: 10 * maxBlocks}}
	p := n.limit(t, quotas)
	if _, err := p.UserDecrypt(as(t, 1), q); err != nil {
		t.Fatal(err)
	}
	for _, crash := range []bool{false, true} {
		if crash {
			n.disks[1] = n.disks[1].CrashClone(vfs.CrashCloneCfg{})
		}
		_, err := n.limit(t, quotas).UserDecrypt(as(t, 1), q)
		if retry(t, err) < time.Hour {
			t.Errorf("crash %v: a fresh budget: %v", crash, err)
		}
	}
	n.clock.Add(24 * 60 * 60)
	q = n.request(q.Handles, func(p *permit.Permit) { p.ValidUntil = 1_000_000 })
	if _, err := n.limit(t, quotas).UserDecrypt(as(t, 1), q); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

// TestQuotaFitsRequests: a quota below one full request would refuse it for ever.
func TestQuotaFitsRequests(t *testing.T) {
	if err := DefaultQuotas.Check(); err != nil {
		t.Error(err)
	}
	if err := (Quotas{User: Quota{Minute: maxBlocks - 1}}).Check(); err == nil {
		t.Error("a quota is smaller than a request")
	}
}

// TestRetryTravels: when to come again reaches who asked, over gRPC.
func TestRetryTravels(t *testing.T) {
	f := threshold.Faultf(threshold.QuotaExceeded, "later")
	f.Retry = 90 * time.Second
	var back *threshold.Fault
	if !errors.As(fromStatus(toStatus(f)), &back) || *back != *f {
		t.Errorf("%+v", back)
	}
}

// TestQuotaAfterClock: a clock that was ahead for a moment keeps nobody out for longer
// than the quota's time, and gives nobody more.
func TestQuotaAfterClock(t *testing.T) {
	n := newNetwork(t, 63)
	q := n.full()
	q = n.request(q.Handles, func(p *permit.Permit) { p.ValidUntil = 10_000_000 })
	p := n.limit(t, Quotas{User: Quota{Minute: maxBlocks}, Caller: Quota{Day: 2 * maxBlocks}})
	const ahead = 30 * 24 * 60 * 60
	n.clock.Add(ahead)
	if _, err := p.UserDecrypt(as(t, 1), q); err != nil {
		t.Fatal(err)
	}
	n.clock.Add(-ahead)
	for _, wait := range []time.Duration{time.Minute, 24 * time.Hour} { // the user's quota, then the relay's
		_, err := p.UserDecrypt(as(t, 1), q)
		if again := retry(t, err); again > wait+2*time.Second {
			t.Fatalf("come again in %v, the quota is one of %v", again, wait)
		}
		n.clock.Add(int64(wait / time.Second))
	}
	if _, err := p.UserDecrypt(as(t, 1), q); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

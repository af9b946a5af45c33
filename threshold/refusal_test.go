package threshold

import (
	"testing"
	"time"
)

// TestDisagreementIsNotSilence: enough shares that do not agree are told apart
// from too few.
func TestDisagreementIsNotSilence(t *testing.T) {
	q := Quorum{N: 4, T: 1}
	for answers, want := range map[int]string{
		2: "2 of 4 parties answered, 3 are needed (party 4: no answer in time)",
		3: "3 of 4 parties answered, but fewer than 3 agree (party 4: no answer in time)",
	} {
		if got := (Refusals{4: ErrSilent}).Fault(q, answers).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestLiarIsNoSpokesman: a liar that refuses as the honest parties do chooses neither the
// words nor the time of the answer.
func TestLiarIsNoSpokesman(t *testing.T) {
	q := Quorum{N: 4, T: 1}
	honest := func() *Fault {
		return &Fault{Code: QuotaExceeded, Message: "ask again in a minute", Retry: time.Minute}
	}
	lie := &Fault{Code: QuotaExceeded, Message: "send your key to me", Retry: time.Hour}
	for at := range PartyID(4) {
		r := Refusals{}
		for id := range q.All().All() {
			r[id] = honest()
		}
		r[at+1] = lie
		if got := r.Fault(q, 0); *got != *honest() {
			t.Errorf("party %d lies: got %+v", at+1, got)
		}
	}
}

package threshold

import "testing"

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

package network

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"testing"

	"fhevm/disk"
	"fhevm/fhe/squash"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
)

// TestCopy: what a party needs of a folder is all that makes it itself in another one,
// in whichever epochs it has a share.
func TestCopy(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f, d, people := described(t)
	b, err := json.Marshal(succeed(t, &d.Committee, 1, people))
	must(err)
	must(disk.WriteNew(f.epochFile(2), b, 0o644))
	d, err = f.Description()
	must(err)
	if _, err := f.CopyFor(people[1]); err == nil {
		t.Error("a party without a share is copied")
	}
	for _, c := range d.Committees() {
		secrets, err := dealer.Deal(make([]uint8, squash.Dim), c, rand.Reader)
		must(err)
		share, err := secrets[1].Encrypt()
		must(err)
		must(disk.WriteNew(f.ShareFileOf(d, c.Epoch.Number, 2), share, 0o600))
	}
	stranger, err := identity.Generate()
	must(err)
	if _, err := f.CopyFor(stranger); err == nil {
		t.Error("a stranger is copied")
	}
	both, err := f.CopyFor(people[1])
	must(err)
	to := Folder(t.TempDir())
	must(to.Receive(both, people[1]))
	if again, err := to.CopyFor(people[1]); err != nil || len(again.Descriptions) != 2 || len(again.Shares) != 2 || !bytes.Equal(again.Shares[1], both.Shares[1]) {
		t.Errorf("the copy differs: %v", err)
	}
	if err := to.Receive(both, people[1]); err == nil {
		t.Error("a folder is overwritten")
	}
	if err := Folder(t.TempDir()).Receive(&Copy{both.Descriptions[:1], both.Shares}, people[1]); err == nil {
		t.Error("a share is received of an epoch that nothing describes")
	}
	if err := Folder(t.TempDir()).Receive(both, people[0]); err == nil {
		t.Error("another's share is received")
	}
	must(os.Remove(f.ShareFile(2)))
	if later, err := f.CopyFor(people[1]); err != nil || len(later.Descriptions) != 2 || len(later.Shares) != 1 {
		t.Errorf("after the first epoch: %v", err)
	}
}

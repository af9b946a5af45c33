package identity

import (
	"bytes"
	"errors"
	"testing"
)

// TestLock: a locked identity opens with its passphrase alone.
func TestLock(t *testing.T) {
	id, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := id.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file, err := lock(plain, "correct horse", 10)
	if err != nil {
		t.Fatal(err)
	}
	if !Locked(file) || Locked(plain) || bytes.Contains(file, plain[40:60]) {
		t.Error("the file is not encrypted")
	}
	if back, err := Unlock(file, "correct horse"); err != nil || !bytes.Equal(back, plain) {
		t.Errorf("the identity changes: %v", err)
	}
	if back, err := Unlock(plain, "of no use"); err != nil || !bytes.Equal(back, plain) {
		t.Errorf("a file without passphrase: %v", err)
	}
	if _, err := Unlock(file, ""); !errors.Is(err, ErrLocked) {
		t.Errorf("without passphrase: %v", err)
	}
	if _, err := Unlock(file, "correct Horse"); err == nil {
		t.Error("another passphrase opens it")
	}
	file[len(file)-1] ^= 1
	if _, err := Unlock(file, "correct horse"); err == nil {
		t.Error("a changed file opens")
	}
	if _, err := lock(plain, "", 10); err == nil {
		t.Error("an empty passphrase is accepted")
	}
}

// TestLockWork: a file may not demand more work than is good for anybody.
func TestLockWork(t *testing.T) {
	file, err := lock([]byte("x"), "p", 10)
	if err != nil {
		t.Fatal(err)
	}
	greedy := bytes.Replace(file, []byte(" 10\n"), []byte(" 25\n"), 1)
	if bytes.Equal(greedy, file) {
		t.Fatal("the file's work factor is not where this test looks for it")
	}
	if _, err := Unlock(greedy, "p"); err == nil {
		t.Error("a file of 2^25 steps is opened")
	}
}

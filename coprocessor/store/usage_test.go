package store

import "testing"

// TestUsage: what a table holds counts as its kind once it has left the memory,
// also in blob files.
func TestUsage(t *testing.T) {
	s := openMem(t)
	for i := range byte(50) {
		if err := s.Put([]ID{{i}}, make([]byte, MaxPacked), [][]byte{make([]byte, 10*MaxPacked)}); err != nil {
			t.Fatal(err)
		}
	}
	if u, err := s.Usage(); err != nil || u.Memory == 0 || u.Kinds["bare"] != 0 {
		t.Errorf("before a flush %+v, %v", u, err)
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	u, err := s.Usage()
	if err != nil || u.Kinds["packed"] < 40*MaxPacked || u.Kinds["bare"] < 400*MaxPacked || u.Kinds["squashed"] > 25*MaxPacked || u.Disk < 550*MaxPacked {
		t.Errorf("after a flush %+v, %v", u, err)
	}
	if err := s.Probe(); err != nil {
		t.Error(err)
	}
}

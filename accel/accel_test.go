package accel_test

import (
	"slices"
	"testing"

	"fhevm/accel"
)

func TestRegistry(t *testing.T) {
	wide, narrow, missing := true, true, false
	accel.Register("test", "wide", &wide)
	accel.Register("test", "narrow", &narrow)
	accel.Register("test", "missing", &missing)
	if got := accel.Implementations("test"); !slices.Equal(got, []string{"wide", "narrow", accel.Portable}) {
		t.Errorf("implementations: %v", got)
	}
	for _, c := range []struct {
		name                  string
		ok                    bool
		wide, narrow, missing bool
	}{
		{"narrow", true, false, true, false},
		{"missing", false, false, true, false},
		{"unknown", false, false, true, false},
		{accel.Portable, true, false, false, false},
		{"wide", true, true, false, false},
	} {
		if ok := accel.Select("test", c.name); ok != c.ok || wide != c.wide || narrow != c.narrow || missing != c.missing {
			t.Errorf("select %s: %v, in use %v %v %v", c.name, ok, wide, narrow, missing)
		}
	}
	accel.Reset("test")
	if !wide || !narrow || missing {
		t.Error("reset does not restore what is supported")
	}
	if got := accel.Implementations("elsewhere"); !slices.Equal(got, []string{accel.Portable}) {
		t.Errorf("implementations of an unknown package: %v", got)
	}
}

func TestPages(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 1 << 21} {
		s := accel.Pages[uint32](n)
		if len(s) != n {
			t.Errorf("%d elements, want %d", len(s), n)
		}
		for i := range s {
			s[i]++
			if s[i] != 1 {
				t.Fatalf("element %d of %d was not zero", i, n)
			}
		}
	}
}

package network

import (
	"os"
	"testing"
	"time"
)

func TestDealDev(t *testing.T) {
	f := Folder(t.TempDir())
	start := time.Now()
	stage := ""
	err := f.DealDev(func(s string, done, total int) {
		if s != stage {
			t.Logf("%v %s", time.Since(start), s)
			stage = s
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("dealt in %v", time.Since(start))
	start = time.Now()
	d, err := f.Description()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.PublicKey(); err != nil {
		t.Fatal(err)
	}
	t.Logf("pk %v", time.Since(start))
	ek, err := f.EvaluationKey()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ek %v", time.Since(start))
	ek.BootstrapKey()
	ek.KeySwitchKey()
	t.Logf("expanded %v", time.Since(start))
	k, err := f.SquashKey(d.Committee.Epoch.SquashKey)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	t.Logf("squash key %v", time.Since(start))
	entries, _ := os.ReadDir(string(f))
	for _, e := range entries {
		info, _ := e.Info()
		t.Log(info.Mode(), info.Size(), e.Name())
	}
}

package tfhe

import (
	"reflect"
	"slices"
	"testing"
)

// One seed under two parameter sets gives keys that share no stream: else the
// same errors would hide different messages. All of a set counts but its name and
// the number of errors that predictions assume.
func TestStreamsOfParameters(t *testing.T) {
	base := NewSecretKey(&Default, testSeed)
	seen := map[Seed]string{testSeed: "the seed itself", base.streams: "the default set"}
	for i := range reflect.TypeFor[Params]().NumField() {
		p := Default
		field := reflect.ValueOf(&p).Elem().Field(i)
		name := reflect.TypeFor[Params]().Field(i).Name
		if name == "Name" {
			field.SetString("another")
		} else {
			field.SetInt(field.Int() + 1)
		}
		k := NewSecretKey(&p, testSeed)
		if name == "Name" || name == "KeyShares" {
			if k.streams != base.streams {
				t.Errorf("keys depend on %s", name)
			}
			continue
		}
		if other, dup := seen[k.streams]; dup {
			t.Errorf("%s changes nothing: streams of %s", name, other)
		}
		seen[k.streams] = "another " + name
		if slices.Equal(k.big[:64], base.big[:64]) || slices.Equal(k.small[:64], base.small[:64]) {
			t.Errorf("%s: keys begin alike", name)
		}
	}
}

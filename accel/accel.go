// Package accel lets tests choose among the implementations of the arithmetic
// below it. Every package under accel has a portable implementation, which
// defines the results, and may have faster ones that must equal it bit for
// bit; programs never choose, they get the fastest that the CPU supports.
//
// The environment variable GODEBUG=cpu.all=off, or cpu.avx512f=off and the
// like, hides features of the CPU; the build tag purego leaves out all
// assembly.
package accel

import "slices"

// Portable names the implementation that every package has.
const Portable = "portable"

type implementation struct {
	pkg, name string
	on        *bool
	supported bool
}

var registry []implementation

// Register announces an implementation, other than the portable one, of the
// package pkg. *on says whether it is in use, and at the time of the call
// whether the CPU supports it. A package prefers the implementation that it
// registers first. Packages call Register from init.
func Register(pkg, name string, on *bool) {
	registry = append(registry, implementation{pkg, name, on, *on})
}

// Implementations lists the names of pkg's implementations that this machine
// can run, in order of preference; the last is Portable.
func Implementations(pkg string) []string {
	var names []string
	for _, im := range registry {
		if im.pkg == pkg && im.supported {
			names = append(names, im.name)
		}
	}
	return append(names, Portable)
}

// Select makes pkg use the named implementation alone and reports whether
// this machine can; if not, nothing changes. It is meant for tests and must
// not run concurrently with the package's functions.
func Select(pkg, name string) bool {
	if !slices.Contains(Implementations(pkg), name) {
		return false
	}
	for _, im := range registry {
		if im.pkg == pkg {
			*im.on = im.name == name
		}
	}
	return true
}

// Reset makes pkg use whatever the CPU supports, as at the program's start.
func Reset(pkg string) {
	for _, im := range registry {
		if im.pkg == pkg {
			*im.on = im.supported
		}
	}
}

package main

import "fmt"

// vec is a vector register.
type vec int

func (v vec) String() string { return fmt.Sprintf("V%d", int(v)) }

// available holds the registers that are not in use.
var available = func() (all []vec) {
	for v := range vec(32) {
		all = append(all, v)
	}
	return all
}()

func take() vec {
	v := available[0]
	available = available[1:]
	return v
}

func release(registers ...vec) { available = append(registers, available...) }

func load(m mem) vec {
	v := take()
	emit("FMOVQ %v, F%d", m, int(v))
	return v
}

func store(v vec, m mem) { emit("FMOVQ F%d, %v", int(v), m) }

// fill returns a register with the number in r in both lanes.
func fill(r gpr) vec {
	v := take()
	emit("VDUP %v, %v.D2", r, v)
	return v
}

// integer emits an operation on 64-bit integers: d = n op m.
func integer(op string, d, n, m vec) { emit("%s %v.D2, %v.D2, %v.D2", op, m, n, d) }

// bitwise emits an operation on bits: d = n op m.
func bitwise(op string, d, n, m vec) { emit("%s %v.B16, %v.B16, %v.B16", op, m, n, d) }

// A factor is a register, or one lane of it to multiply both lanes by.
type factor struct {
	v    vec
	lane int // or whole
}

const whole = -1

// An operation on floating-point vectors. Go's assembler does not know most of
// them: they are given as numbers.
type operation struct {
	name           string
	vector, scaled uint32 // encodings of .2D, .2D and of .2D, .D[lane]
}

var (
	fadd   = operation{"FADD", 0x4e60d400, 0}
	fsub   = operation{"FSUB", 0x4ee0d400, 0}
	fmul   = operation{"FMUL", 0x6e60dc00, 0x4fc09000}
	fmla   = operation{"FMLA", 0x4e60cc00, 0x4fc01000} // d + n*m, rounded once
	fmls   = operation{"FMLS", 0x4ee0cc00, 0x4fc05000} // d - n*m, rounded once
	scvtf  = operation{"SCVTF", 0x4e61d800, 0}         // integer to number
	fcvtns = operation{"FCVTNS", 0x4e61a800, 0}        // number to integer, halves to even
)

// do emits d = n op m.
func (o operation) do(d, n vec, m factor) {
	code, name := o.vector, fmt.Sprintf("%v.2D", m.v)
	if m.lane != whole {
		code, name = o.scaled|uint32(m.lane)<<11, fmt.Sprintf("%v.D[%d]", m.v, m.lane)
	}
	code |= uint32(m.v)<<16 | uint32(n)<<5 | uint32(d)
	emit("WORD $%#08x // %s %v.2D, %v.2D, %s", code, o.name, d, n, name)
}

// vec emits d = n op m on whole registers.
func (o operation) vec(d, n, m vec) { o.do(d, n, factor{m, whole}) }

// convert emits d = op(n).
func (o operation) convert(d, n vec) {
	emit("WORD $%#08x // %s %v.2D, %v.2D", o.vector|uint32(n)<<5|uint32(d), o.name, d, n)
}

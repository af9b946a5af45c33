package main

import (
	"fmt"
	"slices"
	"strings"

	"fhevm/fhe"
)

// param is an operand of an overload: encrypted or clear, or a list of such. An
// encrypted one is converted to type to unless that is its own.
type param struct {
	name        string
	typ, to     fhe.Type
	clear, list bool
}

// solidity is the declaration of the parameter.
func (p param) solidity() string {
	if p.list {
		return p.element() + "[] memory " + p.name
	}
	return p.element() + " " + p.name
}

func (p param) element() string {
	if p.clear {
		return p.typ.String()
	}
	return enc(p.typ)
}

// word is the parameter as the executor takes it: its handles or clear words. It
// calls no overloaded function, which would cost the compiler seconds.
func (p param) word() string {
	switch {
	case p.list && p.clear:
		return fmt.Sprintf("_%ss(%s)", p.typ, p.name)
	case p.list:
		return fmt.Sprintf("_%ss(%s)", enc(p.typ), p.name)
	case p.clear:
		return fmt.Sprintf("bytes32(%s)", number(p.name, p.typ))
	case p.to != p.typ:
		return fmt.Sprintf("Impl.cast(%s.unwrap(%s), %s)", enc(p.typ), p.name, fheType(p.to))
	}
	return fmt.Sprintf("_%s(%s)", enc(p.typ), p.name)
}

func secret(name string, t fhe.Type) param { return param{name: name, typ: t, to: t} }
func open(name string, t fhe.Type) param   { return param{name: name, typ: t, to: t, clear: true} }

func list(name string, t fhe.Type) param { return param{name: name, typ: t, to: t, list: true} }

func clearList(name string, t fhe.Type) param {
	return param{name: name, typ: t, to: t, list: true, clear: true}
}

// overload is one function of the library: an operation on type typ.
type overload struct {
	row    fhe.Operator
	typ    fhe.Type
	params []param
	table  bool
}

// name is that of the function. Where nothing but the result tells overloads
// apart, it names the result's type.
func (o overload) name() string {
	switch o.row.Shape {
	case fhe.Draw:
		return "rand" + title(enc(o.typ))
	case fhe.Table:
		return "lookup" + title(enc(o.typ))
	}
	return o.row.Name
}

// declaration lists the parameters.
func (o overload) declaration() string {
	var out []string
	for _, p := range o.params {
		out = append(out, p.solidity())
	}
	if o.table {
		out = append(out, "bytes memory table")
	}
	return strings.Join(out, ", ")
}

// results lists the types of the results.
func (o overload) results() string {
	var out []string
	for _, t := range o.row.Results(o.typ) {
		out = append(out, enc(t))
	}
	return strings.Join(out, ", ")
}

// body is the statements.
func (o overload) body() string {
	if types := o.row.Results(o.typ); len(types) == 2 {
		return fmt.Sprintf("(bytes32 r, bytes32 ok) = %s; return (%s, %s);", o.order(), wrap(types[0], "r"), wrap(types[1], "ok"))
	}
	call := fmt.Sprintf("Impl.executor().%s(%s)", executorName(o.row), o.arguments())
	switch o.row.Shape {
	case fhe.Binary, fhe.Compare, fhe.Shift:
		call = fmt.Sprintf("Impl.operate(IFHEVMExecutor.%s.selector, %s)", executorName(o.row), o.arguments())
	}
	if o.row.Op >= own || (o.row.Shape == fhe.Member || o.row.Shape == fhe.Choose) && o.hasClear() {
		call = o.order()
	}
	return "return " + wrap(o.row.Result(o.typ), call) + ";"
}

func (o overload) hasClear() bool {
	return slices.ContainsFunc(o.params, func(p param) bool { return p.clear })
}

// order is the call for what the executor has no function of its own for.
func (o overload) order() string {
	args := []string{fmt.Sprintf("%d", o.row.Op), fheType(o.typ)}
	clear := 0
	for i, p := range o.params {
		args = append(args, p.word())
		if p.clear {
			clear |= 1 << i
		}
	}
	name := ""
	switch o.row.Shape {
	case fhe.Unary, fhe.Measure:
		name = "unary"
	case fhe.Binary:
		name, args = "binary", append(args, fmt.Sprint(clear))
	case fhe.Checked:
		name, args = "pair", append(args, fmt.Sprint(clear))
	case fhe.Choose:
		name, args = "choose", append(args, fmt.Sprint(clear))
	case fhe.Member:
		name = "member"
	case fhe.Table:
		name, args = o.row.Name, append(args, "table")
	}
	return fmt.Sprintf("Impl.%s(%s)", name, strings.Join(args, ", "))
}

// arguments are those of the executor's own function.
func (o overload) arguments() string {
	var args []string
	scalar := 0
	for i, p := range o.params {
		if p.clear {
			scalar |= 1 << (len(o.params) - 1 - i)
		}
		if o.row.Shape == fhe.Draw {
			args = append(args, number(p.name, p.typ))
		} else {
			args = append(args, p.word())
		}
	}
	switch o.row.Shape {
	case fhe.Binary, fhe.Compare, fhe.Shift, fhe.Ternary:
		args = append(args, fmt.Sprintf("0x%02x", scalar))
	case fhe.Fold, fhe.Member, fhe.Draw:
		args = append(args, fheType(o.typ))
	}
	return strings.Join(args, ", ")
}

// overloads lists the functions for an operation on type t, in the widest type of
// their operands.
func overloads(row fhe.Operator, t fhe.Type) []overload {
	of := func(params ...param) overload { return overload{row: row, typ: t, params: params} }
	a, b, c := secret("a", t), secret("b", t), secret("c", t)
	switch row.Shape {
	case fhe.Binary, fhe.Compare, fhe.Checked:
		return binary(row, t)
	case fhe.Unary, fhe.Measure:
		return []overload{of(a)}
	case fhe.Choose:
		control, yes, no := secret("control", fhe.Bool), secret("ifTrue", t), secret("ifFalse", t)
		// Two clear values would fit the overloads of every wider type too.
		return []overload{of(control, yes, no), of(control, yes, open("ifFalse", t)), of(control, open("ifTrue", t), no)}
	case fhe.Shift:
		// A clear a would fit the overloads of every wider type too.
		return []overload{of(a, secret("b", fhe.Uint8)), of(a, open("b", fhe.Uint8))}
	case fhe.Ternary:
		return []overload{of(a, b, c), of(a, b, open("c", t)), of(a, open("b", t), c), of(a, open("b", t), open("c", t))}
	case fhe.Fold:
		return []overload{of(list("values", t))}
	case fhe.Member:
		return []overload{of(a, list("values", t)), of(a, clearList("values", t))}
	case fhe.Draw:
		if row.Op == fhe.RandBounded {
			return []overload{of(open("upperBound", t))}
		}
		return []overload{of()}
	case fhe.Table:
		o := of(secret("a", fhe.Uint8))
		if row.Op == fhe.Lookup2 {
			o = of(secret("a", fhe.Uint8), secret("b", fhe.Uint8))
		}
		o.table = true
		return []overload{o}
	}
	return nil // Convert and Encrypt are functions of their result: see value
}

// binary lists the overloads whose wider operand has type t: a narrower one is
// converted first.
func binary(row fhe.Operator, t fhe.Type) []overload {
	var out []overload
	of := func(a, b param) { out = append(out, overload{row: row, typ: t, params: []param{a, b}}) }
	a, b := secret("a", t), secret("b", t)
	for _, u := range narrower(row, t) {
		of(a, param{name: "b", typ: u, to: t})
		of(param{name: "a", typ: u, to: t}, b)
	}
	of(a, b)
	of(a, open("b", t))
	of(open("a", t), b)
	return out
}

// narrower lists the types that are converted to t where they meet it: the unsigned
// ones, in the established operations. More would double the library, which every
// contract's compilation reads.
func narrower(row fhe.Operator, t fhe.Type) []fhe.Type {
	return slices.DeleteFunc(fhe.Types(), func(u fhe.Type) bool {
		return row.Op >= own || t.Kind() != fhe.Uints || u.Kind() != fhe.Uints || u.Bits() >= t.Bits()
	})
}

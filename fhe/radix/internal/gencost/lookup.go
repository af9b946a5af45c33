package main

import (
	"context"

	"fhevm/fhe"
	"fhevm/fhe/radix"
)

// lookupCost is that of a look-up, the same for all tables.
func lookupCost(row fhe.Operator, t fhe.Type) (fhe.Cost, error) {
	var c counter
	var operands []*radix.Ciphertext
	for _, operand := range row.Signature(t, 0) {
		operands = append(operands, ciphertext(operand))
	}
	_, err := radix.NewEvaluator(small, &c).Lookup(context.Background(), make([]uint16, radix.TableSize), t, operands...)
	return c.Cost, err
}

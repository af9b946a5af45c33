package precompiles

import "fhevm/fhe"

func bootstraps(_ fhe.Operator, t fhe.Type, _ bool) int { return 2 * t.Blocks() }

func inputBootstraps(types []fhe.Type) (n int) {
	for _, t := range types {
		n += t.Blocks()
	}
	return n
}

package radix

import (
	"math/bits"

	"fhevm/fhe"
)

const messageBits = fhe.MessageBits

// The tables of all circuits. A pair (x, y) of blocks is the plaintext x + 4y.
var (
	message  = newInner(0, half-1, low)
	carry    = newInner(0, half-1, high)
	splitSum = newInner(0, half/2-1, low, high) // message and carry of a small sum

	// carries has the carries of v, v + 1, v + 2 and v + 3: the sum of the others is
	// the message and three times the first.
	carries = innerCarries()

	// lastBlock is the complement of the last block of a sum.
	lastBlock = newTable(0, half-1, func(v int) int { return base - 1 - low(v) })

	// clean makes a block of a combination that may not leave a circuit. What it
	// does beyond blocks tells it from moves.
	clean = newTable(0, base, func(v int) int { return min(v, base-1) })

	bitAnd = newTable(0, half-1, func(v int) int { return low(v) & high(v) })
	bitOr  = newTable(0, half-1, func(v int) int { return low(v) | high(v) })
	bitXor = newTable(0, half-1, func(v int) int { return low(v) ^ high(v) })

	// borrowDigit takes a digit of a difference, -4 to 3, plus 4.
	borrowDigit = newTable(0, half/2-1, low, func(v int) int { return bit(v < base) })

	// The last digit of a signed sum less borrow, or of a difference, lies in
	// [-4, 3] and is in range in [-2, 1]. signedDigit takes it plus 4 and says so.
	signedDigit      = newTable(0, half/2-1, low, func(v int) int { return bit(v >= 2 && v < 6) })
	signedSum        = newTable(0, half-1, func(v int) int { return signed(low(v)) + signed(high(v)) + 1 })
	signedDifference = newTable(0, half-1, func(v int) int { return signed(low(v)) - signed(high(v)) })

	// The tables for the last digit where an operation saturates give 1 besides
	// where the result is too large, 2 where it is too small. saturated takes
	// another block + 4 times that.
	sumEnd        = saturating(func(v int) int { return bit(v >= base) }, 3, 0)
	differenceEnd = saturating(func(v int) int { return 2 * bit(v < base) }, 3, 0)
	signedEnd     = saturating(func(v int) int { return bit(v >= 6) + 2*bit(v < 2) }, 1, 2)
	saturated     = newTable(0, 3*base-1, func(v int) int { return [...]int{low(v), 3, 0}[high(v)] })

	productLow  = newInner(0, half-1, func(v int) int { return low(low(v) * high(v)) })
	productHigh = newInner(0, half-1, func(v int) int { return high(low(v) * high(v)) })

	// What nearly are products of digits, and make up for it: triangle takes the sum of two digits,
	// border a pair of them, third what is left over modulo 3 and a difference.
	triangle = newInner(0, 2*(base-1),
		func(v int) int { return low((v - 3) * (v - 2) / 2) }, func(v int) int { return high((v - 3) * (v - 2) / 2) })
	border = newInner(0, half-1, func(v int) int { return low(v)*(5-low(v))/2 + high(v)*(5-high(v))/2 - 3 })
	third  = newInner(-4, 4, modulo3, func(v int) int { return (4*modulo3(v)-v)/3 + 1 })

	double = newInner(0, half-1, func(v int) int { return low(2*low(v)) + high(2*high(v)) })

	isZero   = newTable(1-half, half-1, func(v int) int { return bit(v == 0) })
	negative = newTable(-half, half, func(v int) int { return bit(v&half != 0) }) // also 1 at 16, the same as -16

	// oneHot tells all values apart: function 0 is 1 at 0, function i -1 at 16 - i.
	oneHot = newInner(0, half-1, hots()...)

	ones = newInner(0, half-1, func(v int) int { return bits.OnesCount(uint(v)) })

	// reachedZeros takes a code of zeros plus 1, and 4 where the number's zeros reach
	// that far.
	reachedZeros = newInner(0, half/2-1, func(v int) int { return [...]int{0, 0, 0, 0, 1, 0, 2, 3}[v] })

	// signs[j] is the sign times 2^j, so that the sign of a sum of them is
	// that of its last term that is not zero.
	signs = [4]*table{signTimes(1), signTimes(2), signTimes(4), signTimes(8)}

	// chosen[f] takes 2*difference + condition and adds the difference to f
	// where the condition is 1.
	chosen = [base]*table{choosing(0), choosing(1), choosing(2), choosing(3)}

	// chosenBit takes t + 2f + 4*condition and gives the bit t or f.
	chosenBit = newTable(0, half/2-1, func(v int) int { return v >> (1 - v>>2) & 1 })

	// halve is the block between two neighbours.
	halve = newTable(0, half-1, func(v int) int { return v >> 1 & (base - 1) })

	lowBit  = newInner(0, base-1, func(v int) int { return v & 1 })
	highBit = newInner(0, base-1, func(v int) int { return v >> 1 })

	// signFill is a block of the sign of a number with the given top block.
	signFill = newTable(0, base-1, func(v int) int { return 3 * (v >> 1) })

	// signsDiffer is half a turn for numbers of different signs, given both top
	// blocks.
	signsDiffer = newInner(0, half-1, func(v int) int { return half * (v>>1&1 ^ v>>3) })

	// shiftUp and shiftDown take a block + 4*bit and shift by the bit: the block
	// that stays, and what comes into the next one.
	shiftUp   = newInner(0, half/2-1, func(v int) int { return low(low(v) << high(v)) }, func(v int) int { return high(low(v) << high(v)) })
	shiftDown = newInner(0, half/2-1, func(v int) int { return low(v) >> high(v) }, func(v int) int { return low(low(v) << 2 >> high(v)) })

	// moves takes a block - 4*digit. Function j gives the block for digit j, else 0.
	moves = newTable(base-half, base-1, moving(0), moving(1), moving(2), moving(3))

	// notBothSet says of a block + 4*bit whether one of them is zero.
	notBothSet = newInner(0, half/2-1, func(v int) int { return bit(v <= base) })

	// Division asks of a block + 4*bit whether either is set, and complements the
	// block where the bit is. differAnd takes three bits; what it does beyond them
	// tells it from highBit.
	anySet       = newInner(0, half/2-1, func(v int) int { return bit(v != 0) })
	complementIf = newInner(0, half/2-1, func(v int) int { return low(v) ^ (base-1)*high(v) })
	differAnd    = newInner(0, half/2, func(v int) int { return bit(v == 5 || v == 6 || v == half/2) })

	// An input slot may hold anything, its padding bit included; what comes
	// out is a clean block in any case.
	slotLow  = newTable(0, modulus-1, func(v int) int { return mirror(v, low, base-1) })
	slotHigh = newTable(0, modulus-1, func(v int) int { return mirror(v, high, base-1) })
	slotBool = newTable(0, modulus-1, func(v int) int { return mirror(v, func(v int) int { return bit(v != 0) }, 1) })

	// At a uniform phase, all values of slotHigh are equally likely, and both of
	// randomBit.
	randomBit = newTable(0, modulus-1, func(v int) int { return mirror(v, func(v int) int { return bit(v >= half/2) }, 1) })
)

// tables lists all of them.
var tables = []*table{
	message, carry, splitSum, lastBlock, clean, bitAnd, bitOr, bitXor, borrowDigit,
	signedDigit, signedSum, signedDifference, sumEnd, differenceEnd, signedEnd, saturated, productLow, productHigh, triangle, border, third, double,
	isZero, negative, signs[0], signs[1], signs[2], signs[3],
	chosen[0], chosen[1], chosen[2], chosen[3], chosenBit,
	halve, lowBit, highBit, signFill, signsDiffer, shiftUp, shiftDown, moves, anySet, complementIf, differAnd, notBothSet, ones, reachedZeros,
	carries, oneHot, slotLow, slotHigh, slotBool, randomBit,
}

func low(v int) int  { return v & (base - 1) }
func high(v int) int { return v >> messageBits }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// signed is the value of a number's last block with its sign.
func signed(v int) int { return v - base*(v>>1) }

// saturating is the table for a last digit plus 4, of which state says whether
// the result is too large or too small: then its last block is most or least.
func saturating(state func(int) int, most, least int) *table {
	return newTable(0, half/2-1, func(v int) int { return [...]int{low(v), most, least}[state(v)] }, state)
}

// modulo3 is v modulo 3 in [-1, 1], for v from -4 on.
func modulo3(v int) int { return (v+4)%3 - 1 }

// innerCarries extends the carry beyond half so that its complement follows.
func innerCarries() *table {
	var fs []func(int) int
	for i := range base {
		fs = append(fs, func(v int) int { return mirror(v+i, high, base) })
	}
	t := newStrided(1, 0, half, fs...)
	t.inner = true
	return t
}

func hots() []func(int) int {
	fs := []func(int) int{func(v int) int { return bit(v == 0) }}
	for i := 1; i < half; i++ {
		fs = append(fs, func(v int) int { return -bit(v == half-i) })
	}
	return fs
}

func signTimes(weight int) *table {
	return newTable(1-half, half-1, func(v int) int { return weight * (bit(v > 0) - bit(v < 0)) })
}

func choosing(f int) *table {
	return newTable(2*(1-base), 2*(base-1)+1, func(v int) int { return f + (v&1)*(v>>1) })
}

func moving(digit int) func(int) int {
	return func(v int) int { return low(v) * bit(high(v) == -digit) }
}

// mirror extends f beyond half so that the values stay within [0, top].
func mirror(v int, f func(int) int, top int) int {
	if v < half {
		return f(v)
	}
	return top - f(v-half)
}

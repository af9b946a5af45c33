//go:build !purego

package fft

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestPortOps counts the operations that the kernels execute.
func TestPortOps(t *testing.T) {
	for _, c := range []struct {
		file string
		ops  *regexp.Regexp
		want int
	}{
		{"avx512_amd64.s", regexp.MustCompile(`^V(FN?M|ADD|SUB|MUL|PADD|PSUB|PXOR|PAND|CVT|PSLL|UNPCK|SHUFF)`), wideOps},
		{"avx2_amd64.s", regexp.MustCompile(`^V(FN?M|ADD|SUB|MUL|PSRL|PSLL)`), narrowOps},
	} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, function := range strings.Split(string(text), "\nTEXT ·")[1:] {
			if strings.HasPrefix(function, "peak") {
				continue
			}
			n := count(t, strings.Split(function, "\n"), c.ops)
			if strings.HasPrefix(function, "decompose") {
				n *= 2 // called for mask and body
			}
			got += n
		}
		// Four instructions go before the loops.
		if d := got - 2*c.want; d < 0 || d > 4 {
			t.Errorf("%s: %d operations, limit counts %d", c.file, got, 2*c.want)
		}
	}
}

// count executes the loops of a function, whose counters it knows, and counts
// instructions. The conditional jump of decompose that starts another segment
// changes nothing: it is taken always.
func count(t *testing.T, lines []string, ops *regexp.Regexp) (n int) {
	labels := map[string]int{}
	for i, line := range lines {
		if label, ok := strings.CutSuffix(line, ":"); ok {
			labels[label] = i
		}
	}
	registers := map[string]int64{}
	zero := false
	for i := 1; i < len(lines); i++ {
		f := strings.Fields(strings.ReplaceAll(lines[i], ",", ""))
		if len(f) == 0 {
			continue
		}
		switch {
		case f[0] == "RET":
			return n
		case f[0] == "MOVQ" && strings.HasPrefix(f[1], "$"):
			v, err := strconv.ParseInt(f[1][1:], 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			registers[f[2]] = v
		case f[0] == "DECQ":
			if _, ok := registers[f[1]]; !ok {
				t.Fatalf("unknown counter: %s", lines[i])
			}
			registers[f[1]]--
			zero = registers[f[1]] == 0
		case f[0] == "JNZ" && !zero, f[0] == "JZ" && zero, f[0] == "JLT":
			i = labels[f[1]]
		case ops.MatchString(f[0]):
			n++
		}
	}
	return math.MinInt
}

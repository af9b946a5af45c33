package shamir

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"fhevm/threshold"
)

var quorums = []threshold.Quorum{{N: 4, T: 1}, {N: 7, T: 2}, {N: 10, T: 3}, {N: 13, T: 4}}

// source makes a seeded generator a reader.
func source(rng *rand.Rand) *rand.ChaCha8 {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rng.Uint32())
	}
	return rand.NewChaCha8(seed)
}

func uniform(rng *rand.Rand) Element { return Element{rng.Uint64N(Q1), rng.Uint64N(Q2)} }

// batch shares count random secrets; shares[i] belongs to party i.
func batch(t *testing.T, rng *rand.Rand, q threshold.Quorum, count int) (secrets []Element, shares [][]Element) {
	t.Helper()
	shares = make([][]Element, q.N+1)
	for range count {
		s := uniform(rng)
		split, err := Split(q, s, source(rng))
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, s)
		for i, x := range split {
			shares[i+1] = append(shares[i+1], x)
		}
	}
	return secrets, shares
}

// A lie turns the shares of the corrupt parties into what they send. The
// first error of each party must not vanish.
type lie func(rng *rand.Rand, q threshold.Quorum, liars []threshold.PartyID, shares [][]Element)

var lies = map[string]lie{
	"both fields": func(rng *rand.Rand, _ threshold.Quorum, liars []threshold.PartyID, shares [][]Element) {
		for _, id := range liars {
			for i := range shares[id] {
				shares[id][i] = uniform(rng)
			}
		}
	},
	"one field each": func(rng *rand.Rand, _ threshold.Quorum, liars []threshold.PartyID, shares [][]Element) {
		for i, id := range liars {
			shares[id][0][i%2] = Fields[i%2].Add(shares[id][0][i%2], 1)
		}
	},
	"one secret": func(rng *rand.Rand, _ threshold.Quorum, liars []threshold.PartyID, shares [][]Element) {
		for _, id := range liars {
			at := rng.IntN(len(shares[id]))
			shares[id][at] = shares[id][at].Add(Element{1, 1})
		}
	},
	// The worst that t parties can do together: their shares lie on the
	// sharing of another secret that agrees with t honest shares.
	"another polynomial": func(rng *rand.Rand, q threshold.Quorum, liars []threshold.PartyID, shares [][]Element) {
		for k, f := range Fields {
			shift := []uint64{1} // vanishes at t honest parties
			zeros := 0
			for id := range q.All().All() {
				if !slices.Contains(liars, id) && zeros < q.T {
					shift = f.mulPoly(shift, []uint64{f.Sub(0, uint64(id)), 1})
					zeros++
				}
			}
			for _, id := range liars {
				for i := range shares[id] {
					shares[id][i][k] = f.Add(shares[id][i][k], f.evaluate(shift, uint64(id)))
				}
			}
		}
	},
	"not canonical": func(_ *rand.Rand, _ threshold.Quorum, liars []threshold.PartyID, shares [][]Element) {
		for _, id := range liars {
			shares[id][0][1] = Q2
		}
	},
	"too few": func(_ *rand.Rand, _ threshold.Quorum, liars []threshold.PartyID, shares [][]Element) {
		for _, id := range liars {
			shares[id] = shares[id][:len(shares[id])-1]
		}
	},
}

// TestOpeningAgainstAdversaries opens under every lie of up to t parties, some
// of them silent instead, in random order of arrival: the secrets come out
// right, every liar heard is named and nobody else is.
func TestOpeningAgainstAdversaries(t *testing.T) {
	for name, tell := range lies {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, uint64(len(name))))
			for _, q := range quorums {
				for range 150 {
					oneAttack(t, rng, q, tell)
				}
			}
		})
	}
}

func oneAttack(t *testing.T, rng *rand.Rand, q threshold.Quorum, tell lie) {
	secrets, shares := batch(t, rng, q, 3)
	order := permutation(rng, q)
	corrupt := order[:rng.IntN(q.T+1)]
	silent := corrupt[:rng.IntN(len(corrupt)+1)]
	liars := corrupt[len(silent):]
	tell(rng, q, liars, shares)
	o := NewOpening(q, len(secrets))
	for _, id := range permutation(rng, q) {
		if slices.Contains(silent, id) {
			continue
		}
		if err := o.Add(id, shares[id]); err != nil {
			t.Fatalf("%v with liars %v: %v", q, liars, err)
		}
		if got := o.Secrets(); got != nil && !slices.Equal(got, secrets) {
			t.Fatalf("%v with liars %v: opened %v, want %v", q, liars, got, secrets)
		}
	}
	if o.Secrets() == nil || o.Liars() != threshold.Parties(liars...) {
		t.Fatalf("%v: open %v, liars %v, want %v", q, o.Secrets() != nil, o.Liars(), liars)
	}
}

func permutation(rng *rand.Rand, q threshold.Quorum) []threshold.PartyID {
	ids := slices.Collect(q.All().All())
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids
}

// TestOpeningAgainstBruteForce opens words with any number of errors and
// compares with a search over all sets of 2t+1 parties.
func TestOpeningAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, q := range quorums[:2] {
		for range 1500 {
			_, shares := batch(t, rng, q, 1)
			order := permutation(rng, q)
			for _, id := range order[:rng.IntN(q.N+1)] {
				k := rng.IntN(2)
				shares[id][0][k] = Fields[k].Add(shares[id][0][k], 1+rng.Uint64N(3))
			}
			o, heard := NewOpening(q, 1), threshold.PartySet(0)
			for _, id := range permutation(rng, q) {
				err := o.Add(id, shares[id])
				heard = heard.With(id)
				want, liars, ok := bruteForce(q, heard, shares)
				ended := liars.Len() > q.T || (!ok && heard == q.All())
				if ended != (err != nil) {
					t.Fatalf("%v heard %v: error %v, brute force %v %v", q, heard, err, liars, ok)
				}
				if ended {
					break
				}
				if ok != (o.Secrets() != nil) || ok && (o.Secrets()[0] != want || o.Liars() != liars) {
					t.Fatalf("%v heard %v: got %v %v, want %v %v %v", q, heard, o.Secrets(), o.Liars(), want, liars, ok)
				}
			}
		}
	}
}

func bruteForce(q threshold.Quorum, heard threshold.PartySet, shares [][]Element) (secret Element, liars threshold.PartySet, ok bool) {
	for k, f := range Fields {
		found := false
		for s := range threshold.PartySet(1 << (q.N + 1)) {
			if s&^heard != 0 || s.Len() != q.Agree() {
				continue
			}
			var xs, ys []uint64
			for id := range s.All() {
				xs, ys = append(xs, uint64(id)), append(ys, shares[id][0][k])
			}
			p := f.interpolate(xs, ys)
			if len(p) > q.T+1 {
				continue
			}
			found = true
			secret[k] = f.evaluate(p, 0)
			for id := range heard.All() {
				if f.evaluate(p, uint64(id)) != shares[id][0][k] {
					liars = liars.With(id)
				}
			}
			break
		}
		if !found {
			return secret, 0, false
		}
	}
	return secret, liars, true
}

// TestLiarsAreUnited: one liar in one field and another in the second are two
// liars, though each field by itself would decode.
func TestLiarsAreUnited(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	q := quorums[0]
	_, shares := batch(t, rng, q, 1)
	shares[1][0][0] = Fields[0].Add(shares[1][0][0], 1)
	shares[2][0][1] = Fields[1].Add(shares[2][0][1], 1)
	o := NewOpening(q, 1)
	var err error
	for id := range q.All().All() {
		err = o.Add(id, shares[id])
	}
	var corrupt *threshold.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Liars != threshold.Parties(1, 2) || o.Secrets() != nil {
		t.Errorf("got %v and %v, want a CorruptError naming 1 and 2", err, o.Secrets())
	}
}

// TestUnionOfLiars: with a liars in one field and b others in the second, each
// field by itself decodes up to t of them; the opening ends right if a+b <= t and
// else with an error.
func TestUnionOfLiars(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, q := range quorums {
		for a := range q.T + 1 {
			for b := range q.T + 1 {
				secrets, shares := batch(t, rng, q, 2)
				liars := permutation(rng, q)[:a+b]
				for i, id := range liars {
					k, at := 0, rng.IntN(2)
					if i >= a {
						k = 1
					}
					shares[id][at][k] = Fields[k].Add(shares[id][at][k], 1+rng.Uint64N(9))
				}
				o := NewOpening(q, len(secrets))
				var err error
				for _, id := range permutation(rng, q) {
					err = errors.Join(err, o.Add(id, shares[id]))
				}
				if a+b > q.T {
					if corrupt, ok := errors.AsType[*threshold.CorruptError](err); !ok || corrupt.Liars.Len() <= q.T || o.Secrets() != nil {
						t.Errorf("%v, liars %v, %d of them in the first field: %v", q, liars, a, err)
					}
				} else if err != nil || !slices.Equal(o.Secrets(), secrets) || o.Liars() != threshold.Parties(liars...) {
					t.Errorf("%v, liars %v, %d of them in the first field: %v, named are %v", q, liars, a, err, o.Liars())
				}
			}
		}
	}
}

// TestAddTwice: the first word of a party counts, strangers do not.
func TestAddTwice(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	q := quorums[0]
	secrets, shares := batch(t, rng, q, 1)
	o := NewOpening(q, 1)
	for _, id := range []threshold.PartyID{2, 2, 2} {
		if err := o.Add(id, shares[2]); err != nil || o.Secrets() != nil {
			t.Fatalf("one party opened %v, %v", o.Secrets(), err)
		}
	}
	for _, id := range []threshold.PartyID{0, 5} {
		if o.Add(id, shares[1]) == nil {
			t.Errorf("party %d was heard", id)
		}
	}
	for _, id := range []threshold.PartyID{3, 4} {
		if err := o.Add(id, shares[id]); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Add(2, []Element{{1, 1}}); err != nil || o.Secrets()[0] != secrets[0] || o.Liars() != 0 {
		t.Errorf("got %v, liars %v, %v", o.Secrets(), o.Liars(), err)
	}
}

// TestSplitDrawsEveryCoefficient recovers both polynomials of a sharing from
// all shares: constant term the secret, the t others fresh from the source.
func TestSplitDrawsEveryCoefficient(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, q := range quorums {
		secret, seed := uniform(rng), rng.Uint64()
		stream := func() *rand.ChaCha8 { return source(rand.New(rand.NewPCG(seed, 0))) }
		shares, err := Split(q, secret, stream())
		if err != nil {
			t.Fatal(err)
		}
		replay := stream()
		for k, f := range Fields {
			var xs, ys []uint64
			for i, s := range shares {
				xs, ys = append(xs, uint64(i+1)), append(ys, s[k])
			}
			want := []uint64{secret[k]}
			for range q.T {
				c, err := f.Uniform(replay)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, c)
			}
			if got := f.interpolate(xs, ys); !slices.Equal(got, want) {
				t.Errorf("%v: polynomial %v, want %v", q, got, want)
			}
		}
	}
}

func FuzzParseElements(f *testing.F) {
	f.Add(Element{1, 2}.Append(nil), 1)
	f.Add(Element{Q1, Q2}.Append(nil), 1)
	f.Fuzz(func(t *testing.T, b []byte, count int) {
		es, err := ParseElements(b, count)
		if err != nil {
			return
		}
		var back []byte
		for _, e := range es {
			back = e.Append(back)
		}
		if !slices.Equal(back, b) {
			t.Errorf("%x decodes to %v", b, es)
		}
	})
}

package committee

import (
	"maps"

	"fhevm/threshold"
)

// report logs and counts what parties did wrong in an opening.
func (p *Party) report(blames []threshold.Blame) {
	p.blaming.Lock()
	defer p.blaming.Unlock()
	for _, b := range blames {
		p.cfg.Log.Warn("a party failed in a public decryption", "party", b.Party, "what", b.Reason)
		p.blames[b]++
		if p.cfg.Blame != nil {
			p.cfg.Blame(b.Party)
		}
	}
}

// Blames counts, since the party began, in how many public decryptions it found
// another party, or itself, at fault for what.
func (p *Party) Blames() map[threshold.Blame]uint64 {
	p.blaming.Lock()
	defer p.blaming.Unlock()
	return maps.Clone(p.blames)
}

package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// A time in seconds, as the store keeps it.
var now = time.Unix(1_800_000_000, 0)

func listOf(seed uint64, types ...fhe.Type) *fhe.InputList {
	slots, err := fhe.CountSlots(types)
	if err != nil {
		panic(err)
	}
	l := &fhe.InputList{Binding: fhe.Binding{Domain: logtest.Domain}, Types: types, Mask: make([]uint64, 2048), Bodies: make([]uint64, slots)}
	l.Mask[0] = seed
	return l
}

func encode(t testing.TB, l *fhe.InputList) []byte {
	t.Helper()
	b, err := l.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestStagedListIsTaken stages a list, kills the machine and appends the block
// that names it: the store holds what it would hold after the whole list.
func TestStagedListIsTaken(t *testing.T) {
	log := logtest.New()
	handles, list := log.Attested(listOf(1, fhe.Uint8, fhe.Bool), 0, 0)
	log.Want(handles...)
	log.Seal(0)
	disk := vfs.NewCrashableMem()
	before := open(t, disk)
	if err := before.Stage(list, now); err != nil {
		t.Fatal(err)
	}
	s := open(t, disk.CrashClone(vfs.CrashCloneCfg{})) // nothing but what was synced
	appendAll(t, s, log.Blocks)

	whole := logtest.New()
	whole.Input(listOf(1, fhe.Uint8, fhe.Bool), 0, 0)
	whole.Want(handles...)
	whole.Seal(0)
	want := openMem(t)
	appendAll(t, want, whole.Blocks)
	if got := dump(t, s, logTables+"nls"); got != dump(t, want, logTables+"nls") || len(s.staged.lists) != 0 || s.staged.bytes != 0 {
		t.Errorf("the store holds\n%.2000s", got)
	}
	if err := errors.Join(before.Close(), s.Close()); err != nil {
		t.Error(err)
	}
}

// TestAttestedListSurvivesRevert: a block that is undone and comes again finds
// the list.
func TestAttestedListSurvivesRevert(t *testing.T) {
	s, log := openMem(t), logtest.New()
	log.Seal(0)
	_, list := log.Attested(listOf(1, fhe.Uint8), 0)
	log.Seal(0)
	if err := s.Stage(list, now); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, log.Blocks)
	want := dump(t, s, logTables+"nl")
	if err := s.Revert(1); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, log.Blocks)
	if got := dump(t, s, logTables+"nl"); got != want {
		t.Errorf("the store holds\n%.2000s", got)
	}
}

// TestAbsentList: the attestation of a list that was never staged stands for it
// until it comes.
func TestAbsentList(t *testing.T) {
	s, log := openMem(t), logtest.New()
	_, list := log.Attested(listOf(1, fhe.Uint8), 0)
	log.Seal(0)
	appendAll(t, s, log.Blocks)
	digest := fhe.Keccak(list)
	if got, err := s.List(digest); err != nil || !fhe.IsAttested(got) {
		t.Errorf("%x, %v", got, err)
	}
	if err := s.Stage(list, now); err != nil {
		t.Fatal(err)
	}
	if got, err := s.List(digest); err != nil || !bytes.Equal(got, list) || len(s.staged.lists) != 0 {
		t.Errorf("%x, %v, %d staged", got, err, len(s.staged.lists))
	}
}

func TestStageRefuses(t *testing.T) {
	s := openMem(t)
	foreign := listOf(1, fhe.Uint8)
	foreign.Binding.Domain.ChainID++
	attestation, err := listOf(1, fhe.Uint8).Attest(nil).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for want, b := range map[string][]byte{
		"0 bytes": nil, "bound to chain 31338": encode(t, foreign), "format 1": attestation,
		"16495 bytes, want 16496": encode(t, listOf(1, fhe.Bool))[:16495],
	} {
		if err := s.Stage(b, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if dump(t, s, "s") != "" {
		t.Error("something is staged")
	}
}

// TestStageIsBounded fills the stage, which then takes what it has already and
// nothing else until lists have grown old or are used.
func TestStageIsBounded(t *testing.T) {
	s := openMem(t)
	wide := make([]fhe.Type, 8)
	for i := range wide {
		wide[i] = fhe.Uint256
	}
	var staged uint64
	for ; ; staged++ {
		err := s.Stage(encode(t, listOf(staged, wide...)), now.Add(time.Duration(staged)*time.Second))
		if errors.Is(err, ErrManyStaged) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	size := len(encode(t, listOf(0, wide...)))
	if s.staged.bytes > MaxStagedBytes || s.staged.bytes+size <= MaxStagedBytes || len(s.staged.lists) != int(staged) {
		t.Errorf("%d lists of %d bytes", staged, s.staged.bytes)
	}
	if err := s.Stage(encode(t, listOf(0, wide...)), now.Add(time.Hour)); err != nil {
		t.Errorf("a list that is there: %v", err)
	}
	if err := s.Stage(encode(t, listOf(staged, wide...)), now.Add(StagedFor)); !errors.Is(err, ErrManyStaged) {
		t.Errorf("before the oldest is too old: %v", err)
	}
	if err := s.Stage(encode(t, listOf(staged, wide...)), now.Add(StagedFor+2*time.Second)); err != nil {
		t.Errorf("when the oldest is too old: %v", err)
	}
	if got := strings.Count(dump(t, s, "s"), "\n"); got != len(s.staged.lists) {
		t.Errorf("%d lists on disk, %d counted", got, len(s.staged.lists))
	}
}

// TestStageIsCounted: an opened store knows what is staged.
func TestStageIsCounted(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	for i := range uint64(3) {
		if err := s.Stage(encode(t, listOf(i, fhe.Bool)), now); err != nil {
			t.Fatal(err)
		}
	}
	want := s.staged.bytes
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, fs)
	defer s.Close()
	if len(s.staged.lists) != 3 || s.staged.bytes != want || len(s.staged.expired(now.Add(StagedFor))) != 0 || len(s.staged.expired(now.Add(StagedFor+1))) != 3 {
		t.Errorf("%+v", s.staged)
	}
}

package cluster

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// startS3 serves an S3-compatible store with one bucket in memory.
func startS3(t testing.TB) Blobs {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "somebody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "something")
	backend := s3mem.New()
	if err := backend.CreateBucket("ciphertexts"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	b, err := NewS3Blobs(server.URL + "/ciphertexts/here?region=us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBlobs puts and gets, and is given something else than was put.
func TestBlobs(t *testing.T) {
	for name, blobs := range map[string]Blobs{"NATS": blobsOf(t, connect(t, startServer(t).URL(), "blobs")), "S3": startS3(t)} {
		ctx := within(t)
		value := bytes.Repeat([]byte{1, 2, 3}, 20000)
		digest := fhe.Keccak(value)
		if _, err := get(ctx, blobs, digest); err == nil {
			t.Errorf("%s: got what was never put", name)
		}
		for range 2 {
			if err := put(ctx, blobs, value); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got, err := get(ctx, blobs, digest); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if err := blobs.Put(ctx, blobName(digest), value[1:]); err != nil {
			t.Fatal(err)
		}
		if _, err := get(ctx, blobs, digest); err == nil || !strings.Contains(err.Error(), "what is stored there has digest") {
			t.Errorf("%s: of a changed value: %v", name, err)
		}
	}
}

// TestS3 runs a cluster whose ciphertexts travel through S3.
func TestS3(t *testing.T) {
	computeThrough(t, startS3(t), program(300))
}

// computeThrough runs a cluster whose ciphertexts travel through a store.
func computeThrough(t *testing.T, blobs Blobs, log *logtest.Log) {
	t.Helper()
	want := alone(t, log)
	s := startServer(t)
	h := leadWith(t, s.URL(), vfs.NewMem(), blobs, quick)
	w := work(t, s.URL(), newEvaluator(), func(c *WorkerConfig) { c.Blobs = blobs })
	h.feed(t, log.Blocks...)
	h.drain(t)
	h.check(t, log, want)
	h.stop()
	w.stop(t)
}

func TestS3Addresses(t *testing.T) {
	for address, want := range map[string]string{
		"https://host":                "want https://HOST/BUCKET",
		"ftp://host/bucket":           "want https://HOST/BUCKET",
		"http://10.1.2.3/bucket":      "another machine",
		"https://me:secret@host/them": "must not hold credentials",
	} {
		_, err := NewS3Blobs(address)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// forgetful loses the first value that is put under each name.
type forgetful struct {
	mu   sync.Mutex
	lost map[string]bool
	kept map[string][]byte
}

func (f *forgetful) Put(_ context.Context, name string, value []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost[name] {
		f.kept[name] = value
	}
	f.lost[name] = true
	return nil
}

func (f *forgetful) Get(_ context.Context, name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.kept[name]; ok {
		return b, nil
	}
	return nil, errors.New("there is no such value")
}

// TestLostBlobs loses what tasks take: a task that is returned for it comes again
// with what it takes.
func TestLostBlobs(t *testing.T) {
	log, _ := single()
	computeThrough(t, &forgetful{lost: make(map[string]bool), kept: make(map[string][]byte)}, log)
}

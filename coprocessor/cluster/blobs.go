package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"fhevm/fhe"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Blobs holds what tasks take and give: packed ciphertexts and input lists, under
// names that follow from their digests. Values may vanish after some time, an hour
// at least; what Get returns is checked by its digest.
type Blobs interface {
	Put(ctx context.Context, name string, value []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
}

// maxBlob bounds a value: the longest input list has 33 KB, packed values 64 KB.
const maxBlob = 1 << 17

// keepBlobs is how long values stay where this package decides it.
const keepBlobs = time.Hour

// blobName is the digest in hexadecimal digits.
func blobName(d fhe.Digest) string { return fmt.Sprintf("%x", d[:]) }

func put(ctx context.Context, blobs Blobs, value []byte) error {
	return blobs.Put(ctx, blobName(fhe.Keccak(value)), value)
}

// get returns the value with a digest.
func get(ctx context.Context, blobs Blobs, digest fhe.Digest) ([]byte, error) {
	b, err := blobs.Get(ctx, blobName(digest))
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", digest, err)
	}
	if got := fhe.Keccak(b); got != digest {
		return nil, fmt.Errorf("read blob %s: what is stored there has digest %s", digest, got)
	}
	return b, nil
}

// NewNATSBlobs keeps values in a JetStream bucket of the domain's own, which the
// first Put makes if need be.
func NewNATSBlobs(nc *nats.Conn, domain fhe.Domain) (Blobs, error) {
	js, err := jetstream.New(nc)
	return &natsBlobs{js: js, bucket: "fhevm-" + label(domain)}, err
}

type natsBlobs struct {
	js     jetstream.JetStream
	bucket string

	mu sync.Mutex
	kv jetstream.KeyValue
}

func (b *natsBlobs) open(ctx context.Context) (jetstream.KeyValue, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kv != nil {
		return b.kv, nil
	}
	kv, err := b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: b.bucket, TTL: keepBlobs, MaxValueSize: maxBlob, Storage: jetstream.FileStorage})
	if err == nil {
		b.kv = kv
	}
	return kv, err
}

func (b *natsBlobs) Put(ctx context.Context, name string, value []byte) error {
	kv, err := b.open(ctx)
	if err == nil {
		_, err = kv.Put(ctx, name, value)
	}
	if err != nil {
		b.reset()
	}
	return err
}

func (b *natsBlobs) Get(ctx context.Context, name string) ([]byte, error) {
	kv, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	entry, err := kv.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return entry.Value(), nil
}

// reset makes the next use look for the bucket again: another server may be there.
func (b *natsBlobs) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kv = nil
}

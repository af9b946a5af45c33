package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// NewS3Blobs keeps values in a bucket of an S3-compatible store, given as
// https://HOST/BUCKET or https://HOST/BUCKET/PREFIX; http only for this machine. The
// credentials are those of the environment (AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY) or of ~/.aws/credentials. The bucket's own rules decide how
// long values stay.
func NewS3Blobs(address string) (Blobs, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	switch {
	case u.User != nil:
		return nil, errors.New("the address of the blob store must not hold credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case bucket == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("blob store %q: want https://HOST/BUCKET", address)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("blob store %q: want https, since it is another machine", address)
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:        credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}),
		Secure:       u.Scheme == "https",
		BucketLookup: minio.BucketLookupPath,
		Region:       u.Query().Get("region"),
	})
	if err != nil {
		return nil, fmt.Errorf("blob store %q: %w", address, err)
	}
	if prefix != "" {
		prefix += "/"
	}
	return &s3Blobs{client, bucket, prefix}, nil
}

type s3Blobs struct {
	client         *minio.Client
	bucket, prefix string
}

func (s *s3Blobs) Put(ctx context.Context, name string, value []byte) error {
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, bytes.NewReader(value), int64(len(value)), minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return err
}

func (s *s3Blobs) Get(ctx context.Context, name string) ([]byte, error) {
	object, err := s.client.GetObject(ctx, s.bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer object.Close()
	b, err := io.ReadAll(io.LimitReader(object, maxBlob+1))
	if err == nil && len(b) > maxBlob {
		err = fmt.Errorf("the value has more than %d bytes", maxBlob)
	}
	return b, err
}

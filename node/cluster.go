package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fhevm/coprocessor/cluster"
	"fhevm/fhe"

	"github.com/nats-io/nats.go"
)

// ClusterConfig says which cluster's workers compute for a node. The zero value is
// none.
type ClusterConfig struct {
	Listen    string // address of a NATS server in this process, or
	URL       string // of one elsewhere
	TokenFile string // default: one in the data directory, made if it is missing
	Cert, Key string // TLS files of the server in this process
	CA        string // file with the certificates to trust at URL
	Blobs     string // S3 address for ciphertexts, as cluster.NewS3Blobs takes it; default: NATS

	Only       bool    // this machine computes only what cannot be handed out
	CrossCheck float64 // fraction of the workers' tasks that are computed twice
}

// DefaultCluster is where the server in a node's process listens.
const DefaultCluster = "127.0.0.1:8547"

func (c *ClusterConfig) enabled() bool { return c.Listen != "" || c.URL != "" }

// token reads the cluster's token, and makes that of a server in this process.
func (c *ClusterConfig) token(path string) (string, error) {
	switch {
	case c.URL == "":
		return cluster.MakeToken(path)
	case c.TokenFile == "":
		return "", fmt.Errorf("the server at %s knows a token: name the file that holds it with --cluster-token", c.URL)
	}
	return cluster.ReadToken(path)
}

// lead is a node's side of a cluster.
type lead struct {
	leader    *cluster.Leader
	conn      *nats.Conn
	server    *cluster.Server // nil: elsewhere
	url       string
	tokenFile string
	temporary string // folder of a node without a data directory
}

// clusterStart is how long the first connection may take.
const clusterStart = 20 * time.Second

// openCluster starts or finds the cluster's server and takes its queue over.
func openCluster(cfg ClusterConfig, dataDir string, domain fhe.Domain, log *slog.Logger) (l *lead, err error) {
	l = &lead{url: cfg.URL}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	dir := subdir(dataDir, "cluster")
	if dir == "" {
		if l.temporary, err = os.MkdirTemp("", "fhevm-cluster-"); err != nil {
			return l, err
		}
		dir = l.temporary
	}
	l.tokenFile = cmp.Or(cfg.TokenFile, filepath.Join(dir, "token"))
	token, err := cfg.token(l.tokenFile)
	if err != nil {
		return l, err
	}
	if l.url == "" {
		if l.server, err = cluster.StartServer(cluster.ServerConfig{
			Listen: cfg.Listen, Dir: filepath.Join(dir, "nats"), Token: token, Cert: cfg.Cert, Key: cfg.Key,
		}); err != nil {
			return l, err
		}
		l.url = l.server.URL()
	}
	if l.conn, err = l.connect(cluster.Access{URL: l.url, Token: token, CA: cfg.CA, Name: "leader"}, log); err != nil {
		return l, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterStart)
	defer cancel()
	if err := cluster.AwaitConnection(ctx, l.conn, l.url); err != nil {
		return l, err
	}
	blobs, err := openBlobs(cfg.Blobs, l.conn, domain)
	if err != nil {
		return l, err
	}
	l.leader, err = cluster.NewLeader(ctx, cluster.LeaderConfig{Domain: domain, Conn: l.conn, Blobs: blobs, Logger: log})
	return l, err
}

// connect needs no network to the server in this process.
func (l *lead) connect(a cluster.Access, log *slog.Logger) (*nats.Conn, error) {
	if l.server != nil {
		return l.server.Connect(a)
	}
	return cluster.Connect(a, log)
}

func openBlobs(s3 string, conn *nats.Conn, domain fhe.Domain) (cluster.Blobs, error) {
	if s3 != "" {
		return cluster.NewS3Blobs(s3)
	}
	return cluster.NewNATSBlobs(conn, domain)
}

// Close leaves the queue to the next leader, which empties it.
func (l *lead) Close() error {
	var errs []error
	if l.leader != nil {
		errs = append(errs, l.leader.Close())
	}
	if l.conn != nil {
		l.conn.Close()
	}
	if l.server != nil {
		errs = append(errs, l.server.Close())
	}
	if l.temporary != "" {
		errs = append(errs, os.RemoveAll(l.temporary))
	}
	return errors.Join(errs...)
}

// InfoCluster is how workers reach a node's cluster.
type InfoCluster struct {
	URL       string `json:"url"`
	TokenFile string `json:"tokenFile"`
}

// Command is what starts a worker on this machine.
func (i *InfoCluster) Command() string {
	return fmt.Sprintf("fhevm-node worker --cluster %s --token %s", i.URL, i.TokenFile)
}

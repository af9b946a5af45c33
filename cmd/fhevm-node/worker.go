package main

import (
	"fmt"
	"log/slog"

	"fhevm/node"

	"github.com/urfave/cli/v2"
)

// clusterFlags are those of a node whose work others share.
func clusterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "cluster", Usage: "let other processes and machines compute too: see fhevm-node worker --help"},
		&cli.StringFlag{Name: "cluster-listen", Value: node.DefaultCluster, Usage: "`ADDRESS` for workers; port 0 takes a free one. Beyond this machine it needs a certificate"},
		&cli.StringFlag{Name: "cluster-url", Usage: "`URL` of a NATS server with JetStream to use instead of one in this process; implies --cluster"},
		&cli.StringFlag{Name: "cluster-token", Usage: "`FILE` with the token that workers show (default: cluster/token in the data folder, made if missing)"},
		&cli.StringFlag{Name: "cluster-cert", Usage: "`FILE` with the TLS certificate for workers, PEM"},
		&cli.StringFlag{Name: "cluster-key", Usage: "`FILE` with its key"},
		&cli.StringFlag{Name: "cluster-ca", Usage: "`FILE` with the certificates to trust at --cluster-url"},
		blobsFlag,
		&cli.BoolFlag{Name: "cluster-only", Usage: "leave all computing that can be handed out to workers"},
		&cli.Float64Flag{Name: "cross-check", Usage: "compute the fraction `P` of the workers' tasks twice and compare"},
	}
}

var blobsFlag = &cli.StringFlag{
	Name:  "cluster-blobs",
	Usage: "`URL` of a bucket of an S3-compatible store for ciphertexts, https://HOST/BUCKET; credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (default: NATS)",
}

func clusterConfig(c *cli.Context) node.ClusterConfig {
	if !c.Bool("cluster") && c.String("cluster-url") == "" {
		return node.ClusterConfig{}
	}
	return node.ClusterConfig{
		Listen: c.String("cluster-listen"), URL: c.String("cluster-url"), TokenFile: c.String("cluster-token"),
		Cert: c.String("cluster-cert"), Key: c.String("cluster-key"), CA: c.String("cluster-ca"), Blobs: c.String(blobsFlag.Name),
		Only: c.Bool("cluster-only"), CrossCheck: c.Float64("cross-check"),
	}
}

func workerCommand() *cli.Command {
	return &cli.Command{
		Name:  "worker",
		Usage: "compute for a node, on this machine or another",
		Description: `A node that runs with --cluster hands out its work to workers, which join and
leave at any time. A worker needs the network's public keys, no secret but the
cluster's token, and no disk. Killed, it costs seconds: another gets its work.

On one machine:   fhevm-node dev --data DATA --cluster
                  fhevm-node worker --cluster nats://127.0.0.1:8547 --token DATA/cluster/token
Over a network:   fhevm-node dev --data DATA --cluster --cluster-listen 10.0.0.1:8547 \
                             --cluster-cert cert.pem --cluster-key key.pem
                  fhevm-node worker --cluster tls://10.0.0.1:8547 --ca cert.pem \
                             --token token --network FOLDER
FOLDER holds network.json, public.key, evaluation.key and random.key; the token
is a copy of the node's file, readable by nobody else. The node believes what
workers compute: see --cross-check of fhevm-node dev. --log info tells progress.
It ends on SIGTERM when the tasks at hand are done, or after ten seconds
returns them.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "cluster", Required: true, Usage: "`URL` of the cluster: nats://HOST:PORT on this machine, else tls://HOST:PORT", EnvVars: []string{"FHEVM_CLUSTER"}},
			&cli.StringFlag{Name: "token", Required: true, Usage: "`FILE` with the cluster's token, of mode 0600", EnvVars: []string{"FHEVM_CLUSTER_TOKEN_FILE"}},
			&cli.StringFlag{Name: "ca", Usage: "`FILE` with the certificates to trust (default: the system's)"},
			blobsFlag,
			keysFlag,
			&cli.StringFlag{Name: "network", Usage: "`FOLDER` that keygen made, instead of development keys"},
			&cli.StringFlag{Name: "name", Usage: "`NAME` of this worker in the node's log (default: the host's)"},
			&cli.IntFlag{Name: "workers", Usage: "run `N` bootstraps at a time (default: one per processor)"},
			memoryFlag,
			&cli.IntFlag{Name: "tasks", Usage: "compute `N` tasks at a time, whose bootstraps share batches (default: 4 per bootstrap at a time)"},
		},
		Action: runWorker,
	}
}

func runWorker(c *cli.Context) error {
	folder, err := folderOf(c)
	if err != nil {
		return err
	}
	return node.RunWorker(c.Context, node.WorkerConfig{
		Network: folder, URL: c.String("cluster"), TokenFile: c.String("token"), CA: c.String("ca"), Blobs: c.String(blobsFlag.Name),
		Name: c.String("name"), Workers: c.Int("workers"), Tasks: c.Int("tasks"), Memory: int64(c.Int(memoryFlag.Name)) << 20, Logger: slog.Default(),
		Ready: func(name string) { fmt.Fprintf(c.App.Writer, "worker %s ready\n", name) },
	})
}

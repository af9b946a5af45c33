package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"fhevm/node"
)

// TestPrintStatus: what is wrong with a node can be seen.
func TestPrintStatus(t *testing.T) {
	show := func(s node.Status) string {
		var b bytes.Buffer
		printStatus(&b, &s)
		return b.String()
	}
	busy := show(node.Status{
		Version: "1.2", Network: "dev", Head: 30, Cursor: &node.StatusCursor{Number: 10}, Queue: node.StatusQueue{Missing: 7, Computations: 5, Running: 3, Bootstraps: 999},
		DelaySeconds: 700, BootstrapsPerSec: 250, MaxDelaySeconds: 600, RefusedTransactions: 4,
	})
	for _, want := range []string{"fhevm-node 1.2", "20 blocks behind", "7 ciphertexts are missing: 5 computations, 3 of them running, about 999 bootstraps",
		"250 bootstraps a second when full: the queue lasts 11m40s", "REFUSED until the queue is shorter; limit 10m0s, 4 transactions"} {
		if !strings.Contains(busy, want) {
			t.Errorf("%q is not in\n%s", want, busy)
		}
	}
	idle := show(node.Status{Cursor: &node.StatusCursor{}, Accepting: true})
	for _, want := range []string{"has read all", "not known", "taken, without limit"} {
		if !strings.Contains(idle, want) {
			t.Errorf("%q is not in\n%s", want, idle)
		}
	}
}

// TestLog: the command's logger is at the level and in the format that the flags say,
// whatever go-ethereum's does.
func TestLog(t *testing.T) {
	was := slog.Default()
	defer slog.SetDefault(was)
	if err := newApp().Run([]string{"fhevm-node", "--log", "info", "--log-format", "json", "version"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := slog.Default().Handler().(*slog.JSONHandler); !ok || !slog.Default().Enabled(t.Context(), slog.LevelInfo) || slog.Default().Enabled(t.Context(), slog.LevelDebug) {
		t.Errorf("logs through %T", slog.Default().Handler())
	}
	for _, flags := range [][]string{{"--log", "loud"}, {"--log-format", "xml"}} {
		if err := newApp().Run(append([]string{"fhevm-node"}, append(flags, "version")...)); err == nil || !strings.Contains(err.Error(), flags[0]) {
			t.Errorf("%v: %v", flags, err)
		}
	}
	var b bytes.Buffer
	own, geth, err := logHandlers(&b, slog.LevelInfo, "json")
	if err != nil {
		t.Fatal(err)
	}
	slog.New(own).Info("ours", "n", 1)
	slog.New(geth).Info("too chatty")
	slog.New(geth).Error("go-ethereum's")
	for line := range strings.Lines(b.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("%q is no JSON", line)
		}
	}
	if strings.Count(b.String(), "\n") != 2 {
		t.Errorf("logged\n%s", b.String())
	}
}

// TestPrintPartyStatus: what is wrong with a party, and what to do, can be seen.
func TestPrintPartyStatus(t *testing.T) {
	var b bytes.Buffer
	busy := new(node.PartyStatus)
	if err := json.Unmarshal([]byte(`{"version":"1.2","party":2,"parties":4,"epoch":3,"network":"dev","chainId":7,"head":12,"final":10,"openings":500,"limit":1000,
		"peers":{"1":true,"3":false,"4":true},"problems":[{"check":"chain","what":"nobody answers","advice":"start the node","fatal":true}],
		"lastErrors":[{"message":"request failed"}]}`), busy); err != nil {
		t.Fatal(err)
	}
	printPartyStatus(&b, busy)
	for _, want := range []string{"2 of 4 in epoch 3, fhevm-node 1.2", "chain 7, final block 10 of 12", "500 of 1000 squashed blocks (50 %)", "1 up, 3 down, 4 up",
		"chain: nobody answers", "start the node", "request failed"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	b.Reset()
	printPartyStatus(&b, &node.PartyStatus{})
	if !strings.Contains(b.String(), "none") {
		t.Errorf("printed\n%s", b.String())
	}
}

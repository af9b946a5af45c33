package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fhevm/contracts"
	"fhevm/coprocessor"
	"fhevm/fhe"
	fhevm "fhevm/node"
	"fhevm/sdk"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
)

// Where npm puts an anvil for Linux on amd64 (make contracts/script/node_modules).
// On other systems ANVIL is the path of one.
const anvilProgram = "../contracts/script/node_modules/.bin/anvil"

var listening = regexp.MustCompile(`(?:Listening on |JSON-RPC server at http://)([^\s/]+)`)

// startAnvil runs an anvil and returns the URL of its JSON-RPC, without a scheme.
func startAnvil(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	return startChain(t, cmp.Or(os.Getenv("ANVIL"), anvilProgram), append([]string{"--port", "0"}, args...)...)
}

func startChain(t *testing.T, program string, args ...string) (*process, string) {
	t.Helper()
	p := launch(t, program, args...)
	var found []string
	p.await("its port", func() bool {
		found = listening.FindStringSubmatch(p.output())
		return found != nil
	})
	return p, found[1]
}

// TestAttached serves an anvil.
func TestAttached(t *testing.T) { serveAnother(startAnvil(t)) }

// TestHardhatAttached serves a Hardhat node (make hardhat).
func TestHardhatAttached(t *testing.T) {
	const inPlace = "cd ../hardhat && exec node_modules/.bin/hardhat --config test/plain.config.cjs node --hostname 127.0.0.1 --port 0"
	serveAnother(startChain(t, "sh", "-c", inPlace))
}

// serveAnother serves a development chain: inputs, decryptions, blocks that it undoes,
// and what happens to either process.
func serveAnother(another *process, at string) {
	t := another.t
	data := t.TempDir()
	attach := []string{"attach", "--rpc", "ws://" + at, "--deploy", "--data", data}
	k := deploy(serve(t, attach...))
	k.step("a transfer by attested inputs", func() {
		k.wantAttested()
		k.mint(alice, 1000)
		k.transfer(alice, bob, 300)
		k.check(ledger{alice.Address: 700, bob.Address: 300})
	})
	k.step("the node's own methods, beside another's chain", func() { k.askNode() })
	k.step("a public decryption", func() {
		if got, err := k.supply(); err != nil || got != 1000 {
			t.Errorf("total supply is %d: %v", got, err)
		}
	})
	k.step("strangers and their inputs are refused", func() {
		if _, err := k.wallet.UserDecrypt(k.ctx, k.permit(eve, tokenAddress, k.balanceOf(alice))); codeOf(err) != "not_allowed" {
			t.Errorf("eve asks for alice's balance: %v", err)
		}
		k.refuseInputs()
	})
	var snapshot string
	k.step("the chain undoes a transfer, and mines another in its place", func() {
		k.call(&snapshot, "evm_snapshot")
		k.transfer(alice, bob, 500)
		k.ready(k.balanceOf(bob))
		k.call(nil, "evm_revert", snapshot)
		k.transfer(bob, alice, 100)
		k.check(ledger{bob.Address: 200})
	})
	k.step("the node is killed, and blocks come and go while it is away", func() {
		late := k.order("transfer", alice, bob.Address, 50) // the node keeps its list
		k.call(&snapshot, "evm_snapshot")
		k.transfer(bob, alice, 200)
		k.ready(k.balanceOf(alice))
		k.kill()
		k.call(nil, "evm_revert", snapshot)
		k.must(k.chain.SendTransaction(k.ctx, signed(alice, k.nonce(alice), &tokenAddress, late)))
		k = &token{serve(t, attach...)}
		k.check(ledger{bob.Address: 250})
	})
	k.step("the chain is gone", func() {
		another.kill()
		k.await("word of it", func() bool { return strings.Contains(k.output(), "does not answer") })
		k.stop()
	})
}

// call calls a method of the chain that its clients do not know.
func (n *node) call(into any, method string, args ...any) {
	n.t.Helper()
	n.must(n.chain.Client().CallContext(n.ctx, into, method, args...))
}

// askNode asks and subscribes at the node's JSON-RPC, the chain's being another's.
func (k *token) askNode() {
	k.t.Helper()
	h, socket := k.balanceOf(bob), strings.Replace(k.info.NodeRPC, "http", "ws", 1)
	client, err := rpc.DialContext(k.ctx, socket)
	k.must(err)
	defer client.Close()
	told := make(chan fhevm.HandleStatus, 1)
	watch, err := client.Subscribe(k.ctx, "fhevm", told, "handles", map[string]any{"handles": []fhe.Handle{h}})
	k.must(err)
	defer watch.Unsubscribe()
	var waited fhevm.HandleStatus
	k.must(client.CallContext(k.ctx, &waited, "fhevm_wait", h, 300))
	select {
	case now := <-told:
		if now.State != coprocessor.Ready || waited.Digest == nil || *now.Digest != *waited.Digest {
			k.t.Errorf("the subscription tells %+v, fhevm_wait %+v", now, waited)
		}
	case err := <-watch.Err():
		k.t.Errorf("the subscription ended: %v", err)
	}
	status, err := fhevm.FetchStatus(k.ctx, k.info.NodeRPC)
	if err != nil || status.Domain.ChainID != contracts.DevChainID || status.Computations == 0 {
		k.t.Errorf("status %+v: %v", status, err)
	}
}

// wantAttested: a transaction carries a word for the ciphertexts, not these.
func (k *token) wantAttested() {
	k.t.Helper()
	in := k.encrypt(tokenAddress, alice, u64(1))
	if k.wallet.Parameters().Inputs != sdk.InputsAttested || len(in.Proof) > 256 || !fhe.IsAttested(in.Proof) {
		k.t.Errorf("inputs are %q, with %d bytes of proof", k.wallet.Parameters().Inputs, len(in.Proof))
	}
}

// refuseInputs: the coprocessor vouches for what the network can use alone, and
// the chain takes no attestation for another user, contract or list.
func (k *token) refuseInputs() {
	in := k.encrypt(tokenAddress, alice, u64(1))
	other := k.encrypt(tokenAddress, bob, u64(1))
	for want, data := range map[string][]byte{
		"bound to another user": pack(tokenABI, "transfer", bob.Address, other.Handles[0], other.Proof),
		"HandleNotInList":       pack(tokenABI, "transfer", bob.Address, other.Handles[0], in.Proof),
	} {
		k.refuses(want, alice, data)
	}
	binding := k.wallet.Parameters().Binding(fhe.Address(tokenAddress), fhe.Address(alice.Address))
	binding.Domain.ChainID++
	foreign, err := sdk.Encrypt(k.wallet.PublicKey(), binding, u64(1))
	k.must(err)
	for want, list := range map[string][]byte{"bound to chain 31338, not 31337": foreign.Proof, "has format 1, want 0": in.Proof, "has 0 bytes": nil} {
		body := fmt.Sprintf(`{"list":"0x%x"}`, list)
		if status, answer := k.http("POST", k.info.API+sdk.RouteInputs, body); status != 400 || !strings.Contains(answer, want) {
			k.t.Errorf("got %d %s, want %q", status, answer, want)
		}
	}
}

// refuses checks why a call of the token would fail. Errors of others' chains do
// not name custom errors: these are named here.
func (k *token) refuses(want string, from account, data []byte) {
	k.t.Helper()
	err := k.refusal(from, tokenAddress, data)
	if err == nil {
		k.t.Errorf("accepted, want %s", want)
		return
	}
	if e, ok := parsed(contracts.InputVerifier).Errors[want]; ok {
		want = fmt.Sprintf("%x", e.ID[:4])
	}
	if !regexp.MustCompile(want).MatchString(err.Error()) {
		k.t.Errorf("refused by %v, want %s", err, want)
	}
}

// TestAttachedByTransactions deploys with the script, on a chain of another id,
// with other addresses.
func TestAttachedByTransactions(t *testing.T) {
	_, at := startAnvil(t, "--chain-id", "1337")
	attach := []string{"attach", "--rpc", "http://" + at, "--api", "127.0.0.1:0"}
	_, stderr, err := run(t, attach...)
	if err == nil || !regexp.MustCompile("its id is 1337, not 31337.*--chain-id 1337").MatchString(stderr) {
		t.Errorf("a chain that nobody named: %v, %s", err, stderr)
	}
	attach = append(attach, "--chain-id", "1337")
	_, stderr, err = run(t, attach...)
	if err == nil || !regexp.MustCompile("does not have the network's contracts: .*--deploy.*--registry").MatchString(stderr) {
		t.Errorf("a chain without contracts: %v, %s", err, stderr)
	}

	description := filepath.Join(t.TempDir(), "network.json")
	if err := os.WriteFile(description, []byte(mustRun(t, append(attach, "--describe")...)), 0o600); err != nil {
		t.Fatal(err)
	}
	script := exec.CommandContext(limit(t), "node", "../contracts/script/deploy.mjs", "--rpc", "http://"+at, "--network", description, "--owner", alice.Address.Hex())
	script.Env = append(os.Environ(), "DEPLOYER_KEY="+alice.Hex())
	out, err := script.Output()
	if err != nil {
		t.Fatal(err)
	}
	var deployed struct {
		Contracts struct{ ACL, Executor, DecryptionVerifier, KeyRegistry common.Address }
	}
	if err := json.Unmarshal(out, &deployed); err != nil {
		t.Fatal(err)
	}
	c := deployed.Contracts
	n := serve(t, append(attach, "--registry", c.KeyRegistry.Hex())...)
	if p := n.wallet.Parameters(); common.Address(p.Contracts.ACL) != c.ACL || p.ChainID != 1337 || p.Inputs != sdk.InputsAttested {
		t.Errorf("parameters %+v", p)
	}
	n.addition([3]common.Address{c.ACL, c.Executor, c.DecryptionVerifier})
}

// addition has a contract that is told where the system contracts are add two
// public numbers.
func (n *node) addition(config [3]common.Address) {
	n.t.Helper()
	raw, err := os.ReadFile("../contracts/testdata/Adder.json")
	n.must(err)
	var file struct{ Bytecode hexutil.Bytes }
	n.must(json.Unmarshal(raw, &file))
	for _, a := range config {
		file.Bytecode = append(file.Bytecode, common.LeftPadBytes(a.Bytes(), 32)...)
	}
	adder := n.mine(signedOn(1337, bob, 0, nil, file.Bytecode)).ContractAddress
	add := append(crypto.Keccak256([]byte("add(uint64,uint64)"))[:4], common.LeftPadBytes([]byte{20}, 32)...)
	n.mine(signedOn(1337, bob, 1, &adder, append(add, common.LeftPadBytes([]byte{22}, 32)...)))
	sum, err := n.chain.StorageAt(n.ctx, adder, common.Hash{}, nil)
	n.must(err)
	if s := n.status(fhe.Handle(sum), 5*time.Minute); s.State != "ready" || s.Operation != "add" {
		n.t.Errorf("the sum is %+v", s)
	}
}

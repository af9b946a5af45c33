package chain

import (
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

func listen(t *testing.T, n *Node) string {
	t.Helper()
	addr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// One port serves HTTP and WebSocket, with subscriptions.
func TestListen(t *testing.T) {
	n := open(t, "")
	addr := listen(t, n)
	web, err := ethclient.Dial("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := ethclient.Dial("ws://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	heads := make(chan *types.Header, 1)
	sub, err := socket.SubscribeNewHead(ctx, heads)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	w := newWallet(t, n, 0)
	w.client = web
	r := w.send(&nowhere, nil, 21_000)
	select {
	case h := <-heads:
		if h.Hash() != r.BlockHash {
			t.Errorf("subscription gave %s, want %s", h.Hash(), r.BlockHash)
		}
	case <-time.After(5 * time.Minute):
		t.Error("subscription gave nothing")
	}
}

func TestListenOnLoopbackOnly(t *testing.T) {
	n := open(t, "")
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nonsense"} {
		if got, err := n.Listen(addr); err == nil {
			t.Errorf("listens on %s", got)
		}
	}
	taken, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Listen(taken); err == nil || !strings.Contains(err.Error(), "another program does: stop it") {
		t.Errorf("listens on %s twice: %v", taken, err)
	}
}

// A web page of another site, or one that rebinds its name to the loopback
// address, reaches nothing.
func TestOtherOriginsAreKeptOut(t *testing.T) {
	addr := listen(t, open(t, ""))
	post := func(host, origin string) (int, string) {
		r, err := http.NewRequest(http.MethodPost, "http://"+addr, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", origin)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode, answer.Header.Get("Access-Control-Allow-Origin")
	}
	for _, origin := range []string{"http://localhost:5173", "http://localhost", "http://127.0.0.1:3000"} {
		if code, allowed := post("localhost:8545", origin); code != http.StatusOK || allowed != origin {
			t.Errorf("%s gets %d, allowed %q", origin, code, allowed)
		}
	}
	if code, allowed := post("localhost:8545", "https://example.com"); allowed != "" {
		t.Errorf("another site gets %d, allowed %q", code, allowed)
	}
	if code, _ := post("example.com", "http://example.com"); code != http.StatusForbidden {
		t.Errorf("a rebound name gets %d", code)
	}
	if _, err := rpc.DialWebsocket(ctx, "ws://"+addr, "https://example.com"); err == nil {
		t.Error("another site opens a WebSocket")
	}
}

// Methods that touch files, the head or the network's peers are not served.
func TestOperatorMethodsAreNotServed(t *testing.T) {
	client := open(t, "").Client().Client()
	for _, method := range []string{"debug_writeMemProfile", "debug_setHead", "admin_nodeInfo", "admin_exportChain", "miner_setGasPrice", "engine_newPayloadV4"} {
		err := client.CallContext(ctx, nil, method)
		if coded, ok := err.(rpc.Error); !ok || coded.ErrorCode() != -32601 {
			t.Errorf("%s gives %v", method, err)
		}
	}
	for method, want := range map[string]string{"web3_clientVersion": `"anvil-compatible/fhevm-node/test"`, "net_version": `"31337"`, "eth_chainId": `"0x7a69"`,
		"eth_syncing": "false", "txpool_status": `{"pending":"0x0","queued":"0x0"}`} {
		var got json.RawMessage
		if err := client.CallContext(ctx, &got, method); err != nil || string(got) != want {
			t.Errorf("%s gives %s, %v, want %s", method, got, err, want)
		}
	}
}

type greeting struct{}

func (greeting) Hello(name string) string { return "hello " + name }

func TestRegister(t *testing.T) {
	n := open(t, "")
	if err := n.Register(rpc.API{Namespace: "fhevm", Service: greeting{}}); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := n.Client().Client().CallContext(ctx, &got, "fhevm_hello", "chain"); err != nil || got != "hello chain" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestMine(t *testing.T) {
	n := open(t, "")
	client := n.Client()
	mine := func(args ...any) error { return client.Client().CallContext(ctx, nil, "evm_mine", args...) }
	if err := mine(); err != nil {
		t.Fatal(err)
	}
	future := uint64(time.Now().Unix()) + 1000
	if err := mine(future); err != nil {
		t.Fatal(err)
	}
	if err := mine(hexutil.Uint64(future + 1000)); err != nil {
		t.Fatal(err)
	}
	h, err := client.HeaderByNumber(ctx, nil)
	if err != nil || h.Number.Uint64() != 3 || h.Time != future+1000 {
		t.Errorf("head is %d at %d, %v", h.Number, h.Time, err)
	}
	if err := mine(future); err == nil || !strings.Contains(err.Error(), "not after the last block's") {
		t.Errorf("mining in the past gives %v", err)
	}
}

// The node signs for the development accounts, as tools expect of a local node,
// and for nobody else.
func TestDevSigning(t *testing.T) {
	n := open(t, "")
	client := n.Client()
	call := func(result any, method string, args ...any) error {
		return client.Client().CallContext(ctx, result, method, args...)
	}
	var list []common.Address
	if err := call(&list, "eth_accounts"); err != nil || len(list) != 10 {
		t.Fatal(list, err)
	}
	var hash common.Hash
	transfer := map[string]any{"from": list[1], "to": nowhere, "value": "0x1"}
	for range 2 {
		if err := call(&hash, "eth_sendTransaction", transfer); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := client.TransactionReceipt(ctx, hash); err != nil || r.Status != types.ReceiptStatusSuccessful {
		t.Errorf("receipt is %+v, %v", r, err)
	}
	transfer["from"] = nowhere
	if err := call(&hash, "eth_sendTransaction", transfer); err == nil || !strings.Contains(err.Error(), "no key of account") {
		t.Errorf("sending for a stranger gives %v", err)
	}
	var s hexutil.Bytes
	message := hexutil.Bytes("hello")
	if err := call(&s, "personal_sign", message, list[2]); err != nil || recovered(accounts.TextHash(message), s) != list[2] {
		t.Errorf("personal_sign gives %s, %v", s, err)
	}
	if err := call(&s, "eth_sign", list[2], message); err != nil || recovered(accounts.TextHash(message), s) != list[2] {
		t.Errorf("eth_sign gives %s, %v", s, err)
	}
}

func TestDevSigningOfTypedData(t *testing.T) {
	client := open(t, "").Client().Client()
	const text = `{"types":{"EIP712Domain":[{"name":"chainId","type":"uint256"}],"Greeting":[{"name":"text","type":"string"}]},
		"primaryType":"Greeting","domain":{"chainId":"31337"},"message":{"text":"hello"}}`
	var typed apitypes.TypedData
	if err := json.Unmarshal([]byte(text), &typed); err != nil {
		t.Fatal(err)
	}
	digest, _, err := apitypes.TypedDataAndHash(typed)
	if err != nil {
		t.Fatal(err)
	}
	signer := DevAccounts()[3].Address
	for _, form := range []any{text, json.RawMessage(text)} {
		var s hexutil.Bytes
		if err := client.CallContext(ctx, &s, "eth_signTypedData_v4", signer, form); err != nil || recovered(digest, s) != signer {
			t.Errorf("signature is %s, %v", s, err)
		}
	}
}

func recovered(digest []byte, signature hexutil.Bytes) common.Address {
	if len(signature) != 65 || signature[64] < 27 {
		return common.Address{}
	}
	s := append(signature[:64:64], signature[64]-27)
	key, err := crypto.SigToPub(digest, s)
	if err != nil {
		return common.Address{}
	}
	return crypto.PubkeyToAddress(*key)
}

func TestSendRawTransactionSync(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	raw, err := w.sign(&nowhere, big.NewInt(1), nil, 21_000).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var r *types.Receipt
	if err := w.client.Client().CallContext(ctx, &r, "eth_sendRawTransactionSync", hexutil.Bytes(raw)); err != nil || r == nil || r.BlockNumber.Uint64() != 1 {
		t.Errorf("receipt is %+v, %v", r, err)
	}
}

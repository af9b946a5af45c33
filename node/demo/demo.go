// Package demo runs a confidential transfer end to end against a running node,
// as wallets do it: through JSON-RPC and the wallet API, with every decrypted
// value checked.
package demo

import (
	"context"
	"fmt"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/sdk"
	"fhevm/sdk/client"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/holiman/uint256"
)

// demo is the state of one run.
type demo struct {
	report          *Report
	chain           *ethclient.Client
	wallet          *client.Client
	alice, bob, eve *Account
	token           *Contract
}

// Run runs the demo against the node at the given URLs and reports every step.
// It fails if a step cannot be done; Report.OK says whether all values were
// right.
func Run(ctx context.Context, rpcURL, apiURL string, report *Report) error {
	d := &demo{report: report}
	var err error
	if d.chain, err = ethclient.DialContext(ctx, rpcURL); err != nil {
		return err
	}
	defer d.chain.Close()
	if d.wallet, err = client.Dial(ctx, apiURL); err != nil {
		return err
	}
	accounts := chain.DevAccounts()
	d.alice = NewAccount("alice", accounts[0].Key, d.chain)
	d.bob = NewAccount("bob", accounts[1].Key, d.chain)
	d.eve = NewAccount("eve", accounts[2].Key, d.chain)
	for _, step := range []func(context.Context) error{
		d.deploy, d.mint, d.transfer, d.overdraw, d.balances, d.stranger, d.totalSupply,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) deploy(ctx context.Context) error {
	return d.report.Step("deploy", "deploy the confidential token", func(s *Step) (err error) {
		var receipt *types.Receipt
		d.token, receipt, err = d.alice.Deploy(ctx, contracts.ConfidentialToken, "Confidential Dollar", "cUSD")
		return s.gas(receipt, err)
	})
}

func (d *demo) mint(ctx context.Context) error {
	return d.report.Step("mint", "mint an encrypted 1000 to alice", func(s *Step) error {
		return d.sendAmount(ctx, s, "mint", d.alice, d.alice, 1000)
	})
}

func (d *demo) transfer(ctx context.Context) error {
	return d.report.Step("transfer", "alice sends bob an encrypted 300", func(s *Step) error {
		return d.sendAmount(ctx, s, "transfer", d.alice, d.bob, 300)
	})
}

func (d *demo) overdraw(ctx context.Context) error {
	return d.report.Step("overdraw", "alice sends bob an encrypted 10000: moves zero", func(s *Step) error {
		return d.sendAmount(ctx, s, "transfer", d.alice, d.bob, 10000)
	})
}

// sendAmount sends an encrypted amount to a method (address to, externalEuint64,
// bytes) and waits until the balances that it changes are computed.
func (d *demo) sendAmount(ctx context.Context, s *Step, method string, from, to *Account, amount uint64) error {
	in, err := d.wallet.Encrypt(ctx, fhe.Address(d.token.Address), fhe.Address(from.Address()),
		sdk.Value{Type: fhe.Uint64, Clear: uint256.NewInt(amount)})
	if err != nil {
		return err
	}
	receipt, err := d.token.Send(ctx, from, method, to.Address(), [32]byte(in.Handles[0]), in.Proof)
	if err := s.gas(receipt, err); err != nil {
		return err
	}
	for _, holder := range []*Account{from, to} {
		if _, err := d.balance(ctx, holder); err != nil {
			return err
		}
	}
	return nil
}

// balance is the handle of an account's balance, once it is computed. An
// account that never held any has none.
func (d *demo) balance(ctx context.Context, a *Account) (fhe.Handle, error) {
	h, err := d.token.Handle(ctx, "confidentialBalanceOf", a.Address())
	if err != nil || h.IsZero() {
		return h, err
	}
	return h, d.ready(ctx, h)
}

func (d *demo) ready(ctx context.Context, h fhe.Handle) error {
	status, err := d.wallet.Handle(ctx, h, readyTimeout)
	if err != nil {
		return err
	}
	if status.State != "ready" {
		return fmt.Errorf("handle %s is %s: %s", h, status.State, status.Error)
	}
	return nil
}

func (d *demo) balances(ctx context.Context) error {
	for _, c := range []struct {
		holder *Account
		want   string
	}{{d.alice, "700"}, {d.bob, "300"}} {
		name := "balance-" + c.holder.Name
		err := d.report.Step(name, "re-encrypt "+c.holder.Name+"'s balance to "+c.holder.Name, func(s *Step) error {
			h, err := d.balance(ctx, c.holder)
			if err != nil {
				return err
			}
			value, err := d.decrypt(ctx, c.holder, h)
			if err != nil {
				return err
			}
			s.check(value.Dec(), c.want)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// decrypt asks the committee to re-encrypt a handle for an account.
func (d *demo) decrypt(ctx context.Context, a *Account, h fhe.Handle) (*uint256.Int, error) {
	return a.Decrypt(ctx, d.wallet, fhe.Address(d.token.Address), h)
}

func (d *demo) stranger(ctx context.Context) error {
	return d.report.Step("stranger", "eve asks for alice's balance: refused", func(s *Step) error {
		h, err := d.balance(ctx, d.alice)
		if err != nil {
			return err
		}
		_, err = d.decrypt(ctx, d.eve, h)
		s.check(refusal(err), "not_allowed")
		return nil
	})
}

func (d *demo) totalSupply(ctx context.Context) error {
	return d.report.Step("total-supply", "open the total supply publicly, verified on chain", func(s *Step) error {
		receipt, err := d.token.Send(ctx, d.alice, "requestTotalSupply")
		if err := s.gas(receipt, err); err != nil {
			return err
		}
		h, err := d.token.Handle(ctx, "confidentialTotalSupply")
		if err != nil {
			return err
		}
		if err := d.ready(ctx, h); err != nil {
			return err
		}
		result, err := d.wallet.PublicDecrypt(ctx, h)
		if err != nil {
			return err
		}
		value, err := uint256.FromDecimal(result.Values[0])
		if err != nil {
			return err
		}
		receipt, err = d.token.Send(ctx, d.alice, "finalizeTotalSupply", value.Uint64(), []byte(result.Proof))
		if err := s.gas(receipt, err); err != nil {
			return err
		}
		out, err := d.token.Call(ctx, "publishedTotalSupply")
		if err != nil {
			return err
		}
		s.check(fmt.Sprint(out[0]), "1000")
		return nil
	})
}

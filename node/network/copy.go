package network

import (
	"errors"
	"fmt"
	"os"

	"fhevm/disk"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
)

// Copy is the files of a folder that one party needs.
type Copy struct {
	Descriptions [][]byte // the network's, and those of the epochs that followed, in order
	Shares       [][]byte // the party's, encrypted to it, by epoch
}

// CopyFor reads what a party needs of the folder, with the shares of all epochs that
// it has.
func (f Folder) CopyFor(keys *identity.Identity) (*Copy, error) {
	d, err := f.Description()
	if err != nil {
		return nil, err
	}
	c := new(Copy)
	member := false
	for i, epoch := range d.Committees() {
		b, err := disk.ReadFile(f.describing(i, epoch), maxDescription)
		if err != nil {
			return nil, err
		}
		c.Descriptions = append(c.Descriptions, b)
		id, ok := epoch.PartyByTLS(keys.Fingerprint())
		if !ok {
			continue
		}
		member = true
		share, err := disk.ReadFile(f.ShareFileOf(d, epoch.Epoch.Number, id), dealer.MaxFileSize)
		switch {
		case err == nil:
			c.Shares = append(c.Shares, share)
		case !errors.Is(err, os.ErrNotExist): // a share is gone when its epoch is retired
			return nil, err
		}
	}
	if !member {
		return nil, errors.New("this identity is in none of the network's committees")
	}
	if len(c.Shares) == 0 {
		return nil, fmt.Errorf("%s has no share for this identity", f)
	}
	return c, nil
}

// describing is the path of the i-th description.
func (f Folder) describing(i int, c *threshold.Committee) string {
	if i == 0 {
		return f.path(descriptionFile)
	}
	return f.epochFile(c.Epoch.Number)
}

// Receive writes a copy into a folder that has nothing of it, and looks whether it fits
// together.
func (f Folder) Receive(c *Copy, keys *identity.Identity) error {
	if len(c.Descriptions) == 0 {
		return errors.New("the network has no description")
	}
	if err := disk.WriteNew(f.path(descriptionFile), c.Descriptions[0], 0o644); err != nil {
		return err
	}
	d, err := f.Description()
	if err != nil {
		return err
	}
	for i, b := range c.Descriptions[1:] {
		if err := disk.WriteNew(f.epochFile(d.Committee.Epoch.Number+uint64(i)+1), b, 0o644); err != nil {
			return err
		}
	}
	if d, err = f.Description(); err != nil {
		return err
	}
	for _, share := range c.Shares {
		if err := f.receiveShare(d, share, keys); err != nil {
			return err
		}
	}
	return nil
}

func (f Folder) receiveShare(d *Description, share []byte, keys *identity.Identity) error {
	s, err := dealer.Decrypt(share, keys.Age)
	if err != nil {
		return err
	}
	defer s.Wipe()
	number := s.Committee.Epoch.Number
	c := d.CommitteeOf(number)
	if c == nil {
		return fmt.Errorf("there is a share of epoch %d, which no file describes", number)
	}
	if err := disk.WriteNew(f.ShareFileOf(d, number, s.Party), share, 0o600); err != nil {
		return err
	}
	written, err := f.SecretOf(d, c, s.Party, keys)
	if err != nil {
		return err
	}
	written.Wipe()
	return nil
}

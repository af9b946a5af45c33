import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { type Contract, ZeroHash } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

describe("SealedBidAuction", () => {
  let seller: HardhatEthersSigner, alice: HardhatEthersSigner, bob: HardhatEthersSigner, eve: HardhatEthersSigner;
  let token: Contract, auction: Contract;

  const encrypt = async (from: HardhatEthersSigner, amount: bigint) =>
    fhevm.createEncryptedInput(await token.getAddress(), from.address).add64(amount).encrypt();

  const bid = async (from: HardhatEthersSigner, amount: bigint) => {
    const { handles, inputProof } = await encrypt(from, amount);
    return by(from, token)["confidentialTransferAndCall(address,bytes32,bytes,bytes)"](auction, handles[0], inputProof, "0x");
  };

  const balance = async (of: HardhatEthersSigner) =>
    fhevm.userDecryptEuint(FhevmType.euint64, await token.confidentialBalanceOf(of), token, of);

  before(async () => {
    [seller, alice, bob, eve] = await ethers.getSigners();
    token = await ethers.deployContract("FreezingCoin");
    auction = await ethers.deployContract("SealedBidAuction", [token, 1000]);
    for (const [bidder, amount] of [[alice, 1000n], [bob, 1000n], [eve, 50n], [seller, 100n]] as const) {
      await mined(by(bidder, token).take(amount));
    }
    await mined(bid(alice, 700n));
    await mined(bid(bob, 800n));
    await mined(bid(eve, 1_000_000n));
    await mined(bid(seller, 100n));
  });

  it("counts what was sent, which nobody else reads before the deadline", async () => {
    const deposit = await auction.depositOf(eve);
    expect(await fhevm.userDecryptEuint(FhevmType.euint64, deposit, auction, eve)).to.equal(0n);
    await expect(fhevm.userDecryptEuint(FhevmType.euint64, deposit, auction, bob)).to.be.rejectedWith(/not authorized/);
    await expect(fhevm.publicDecrypt([await auction.highest()])).to.be.rejectedWith(/not allowed for public decryption/);
    await expect(auction.close()).to.be.revertedWithCustomError(auction, "WrongTime");
    await expect(by(bob, auction).withdraw()).to.be.revertedWithCustomError(auction, "WrongPhase");
  });

  it("believes the token only", async () => {
    const heard = by(eve, auction).onConfidentialTransferReceived(eve, eve, await auction.depositOf(eve), "0x");
    await expect(heard).to.be.revertedWithCustomError(auction, "NotTheToken");
  });

  it("opens the highest bid after the deadline, and settles once, also where the token refuses the seller", async () => {
    await mined(token.setFrozen(seller, true));
    await mined(bid(alice, 200n));
    await time.increaseTo(Number(await auction.deadline()));
    await expect(bid(bob, 200n)).to.be.revertedWithCustomError(auction, "WrongTime");
    await mined(auction.close());
    const [leader, highest] = [await auction.leader(), await auction.highest()];
    const { clearValues, decryptionProof } = await fhevm.publicDecrypt([leader, highest]);
    expect(clearValues).to.deep.equal({ [leader]: 1n, [highest]: 900n });
    await expect(auction.settle(2, 900, decryptionProof)).to.be.revertedWithCustomError(
      ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
    );
    await mined(by(eve, auction).settle(1, 900, decryptionProof));
    expect([await auction.winner(), await auction.price()]).to.deep.equal([alice.address, 900n]);
    await expect(auction.settle(1, 900, decryptionProof)).to.be.revertedWithCustomError(auction, "WrongPhase");
  });

  it("pays the seller and returns each loser's deposit, each once, and the winner's never", async () => {
    await expect(auction.withdraw()).to.be.revertedWithCustomError(token, "Frozen");
    await mined(by(bob, auction).withdraw());
    expect(await balance(bob)).to.equal(1000n);
    await mined(token.setFrozen(seller, false));
    await mined(auction.withdraw());
    expect(await balance(seller), "the price and its own bid").to.equal(900n + 100n);
    for (const account of [alice, bob, seller]) {
      await expect(by(account, auction).withdraw()).to.be.revertedWithCustomError(auction, "NothingToWithdraw");
    }
    expect(await auction.depositOf(bob)).to.equal(ZeroHash);
  });
});

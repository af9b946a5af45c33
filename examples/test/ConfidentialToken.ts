import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

describe("ConfidentialToken", () => {
  let owner: HardhatEthersSigner, alice: HardhatEthersSigner, bob: HardhatEthersSigner;
  let token: Contract;

  /** Calls a function whose last arguments are an encrypted amount and its proof. */
  const send = async (from: HardhatEthersSigner, method: string, to: HardhatEthersSigner[], amount: bigint) => {
    const input = fhevm.createEncryptedInput(await token.getAddress(), from.address).add64(amount);
    const { handles, inputProof } = await input.encrypt();
    return by(from, token)[method](...to, handles[0], inputProof);
  };

  const open = (handle: string, reader: HardhatEthersSigner) => fhevm.userDecryptEuint(FhevmType.euint64, handle, token, reader);

  const balance = async (of: HardhatEthersSigner) => open(await token.confidentialBalanceOf(of), of);

  before(async () => {
    [owner, alice, bob] = await ethers.getSigners();
    token = await ethers.deployContract("ConfidentialDollar");
    await mined(send(owner, "mint", [alice], 1000n));
  });

  it("mints for its owner alone, and nothing where the supply would overflow", async () => {
    await expect(send(alice, "mint", [alice], 1n)).to.be.revertedWithCustomError(token, "NotOwner");
    await mined(send(owner, "mint", [alice], 2n ** 64n - 1000n));
    expect(await balance(alice)).to.equal(1000n);
  });

  it("moves an encrypted amount, and nothing where the balance is too low", async () => {
    for (const amount of [300n, 701n]) await mined(send(alice, "transfer", [bob], amount));
    expect([await balance(alice), await balance(bob)]).to.deep.equal([700n, 300n]);
  });

  it("shows a balance to its holder alone", async () => {
    const handle = await token.confidentialBalanceOf(alice);
    await expect(open(handle, bob)).to.be.rejectedWith(/not authorized/);
  });

  it("lets a spender move what was allowed, and no more", async () => {
    await mined(send(alice, "approve", [bob], 100n));
    for (const amount of [60n, 41n]) await mined(send(bob, "transferFrom", [alice, bob], amount));
    expect([await balance(alice), await balance(bob)]).to.deep.equal([640n, 360n]);
    const left = await token.confidentialAllowance(alice, bob);
    expect([await open(left, alice), await open(left, bob)]).to.deep.equal([40n, 40n]);
  });

  it("publishes the total supply once for each request, and only the true one", async () => {
    await expect(by(alice, token).requestTotalSupply()).to.be.revertedWithCustomError(token, "NotOwner");
    await mined(token.requestTotalSupply());
    const { decryptionProof } = await fhevm.publicDecrypt([await token.confidentialTotalSupply()]);
    await expect(token.finalizeTotalSupply(999n, decryptionProof)).to.be.revertedWithCustomError(
      ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
    );
    await mined(by(bob, token).finalizeTotalSupply(1000n, decryptionProof));
    expect(await token.publishedTotalSupply()).to.equal(1000n);
    await expect(token.finalizeTotalSupply(1000n, decryptionProof)).to.be.revertedWithCustomError(token, "TotalSupplyNotRequested");
  });
});

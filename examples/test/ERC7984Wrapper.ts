import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

const withProof = "confidentialTransfer(address,bytes32,bytes)";
const withHandle = "confidentialTransfer(address,bytes32)";
const fromWithProof = "confidentialTransferFrom(address,address,bytes32,bytes)";
const andCall = "confidentialTransferAndCall(address,bytes32,bytes,bytes)";

describe("ERC7984Wrapper", () => {
  const dollar = 10n ** 18n;
  let alice: HardhatEthersSigner, bob: HardhatEthersSigner, eve: HardhatEthersSigner;
  let plain: Contract, token: Contract;

  const encrypt = async (from: HardhatEthersSigner, amount: bigint) =>
    fhevm.createEncryptedInput(await token.getAddress(), from.address).add64(amount).encrypt();

  const balance = async (of: HardhatEthersSigner) =>
    fhevm.userDecryptEuint(FhevmType.euint64, await token.confidentialBalanceOf(of), token, of);

  const unwrap = async (from: HardhatEthersSigner, amount: bigint) => {
    const { handles, inputProof } = await encrypt(from, amount);
    const receipt = await mined(by(from, token).unwrap(from, from, handles[0], inputProof));
    const [{ topics }] = await token.queryFilter("UnwrapRequested", receipt.blockNumber);
    const requestId = topics[2];
    return { requestId, opened: await fhevm.publicDecrypt([requestId]) };
  };

  before(async () => {
    [alice, bob, eve] = await ethers.getSigners();
    plain = await ethers.deployContract("PlainToken");
    token = await ethers.deployContract("ERC7984Wrapper", [plain]);
    await mined(plain.take(1000n * dollar));
    await mined(plain.approve(token, 1000n * dollar));
    await mined(token.wrap(alice, 1000n * dollar - 1n));
  });

  it("wraps whole units and leaves the rest with the owner", async () => {
    expect(await token.symbol()).to.equal("cUSD");
    expect(await token.supportsInterface("0x4958f2a4")).to.equal(true);
    expect(await plain.balanceOf(alice)).to.equal(10n ** 12n);
    expect(await balance(alice)).to.equal(999_999_999n);
  });

  it("moves an encrypted amount, and nothing where the balance is too low", async () => {
    for (const amount of [300n, 10n ** 12n]) {
      const { handles, inputProof } = await encrypt(alice, amount);
      await mined(token[withProof](bob, handles[0], inputProof));
    }
    expect(await balance(bob)).to.equal(300n);
    expect(await balance(alice)).to.equal(999_999_699n);
  });

  it("takes no handle from someone without a right on it", async () => {
    const hers = await token.confidentialBalanceOf(alice);
    await expect(by(eve, token)[withHandle](bob, hers)).to.be.revertedWithCustomError(token, "AmountNotAllowed");
  });

  it("lets an operator move tokens for a time", async () => {
    const { handles, inputProof } = await encrypt(eve, 1n);
    const take = () => by(eve, token)[fromWithProof](bob, alice, handles[0], inputProof);
    await expect(take()).to.be.revertedWithCustomError(token, "NotOperator");
    await mined(by(bob, token).setOperator(eve, (await time.latest()) + 1000));
    await mined(take());
    expect(await balance(bob)).to.equal(299n);
    await mined(by(bob, token).setOperator(eve, await time.latest()));
    await expect(take()).to.be.revertedWithCustomError(token, "NotOperator");
  });

  it("pays an unwrapped amount once, only the true one, and nothing for what is not there", async () => {
    const [rich, poor] = [await unwrap(bob, 200n), await unwrap(bob, 10n ** 12n)];
    const proof = rich.opened.decryptionProof;
    const refused = fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner");
    await expect(token.finalizeUnwrap(rich.requestId, 201n, proof)).to.be.revertedWithCustomError(...refused);
    await mined(token.finalizeUnwrap(rich.requestId, 200n, proof));
    expect(await plain.balanceOf(bob)).to.equal(200n * 10n ** 12n);
    await expect(token.finalizeUnwrap(rich.requestId, 200n, proof)).to.be.revertedWithCustomError(token, "NoSuchRequest");
    await expect(token.finalizeUnwrap(poor.requestId, 200n, proof)).to.be.revertedWithCustomError(...refused);
    expect(poor.opened.clearValues[poor.requestId]).to.equal(0n);
  });

  it("returns what a receiver refuses, and takes no answer that is not the receiver's", async () => {
    const [shop, spy] = [await ethers.deployContract("Shop"), await ethers.deployContract("Spy")];
    const before = await balance(alice);
    for (const amount of [99n, 100n]) {
      const { handles, inputProof } = await encrypt(alice, amount);
      await mined(token[andCall](shop, handles[0], inputProof, "0x"));
    }
    expect(await balance(alice)).to.equal(before - 100n);
    const { handles, inputProof } = await encrypt(alice, 1n);
    const answer = await token.confidentialBalanceOf(bob);
    await expect(token[andCall](spy, handles[0], inputProof, answer)).to.be.revertedWithCustomError(token, "AnswerNotAllowed");
  });
});

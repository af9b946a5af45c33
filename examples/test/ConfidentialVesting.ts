import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

describe("ConfidentialVesting", () => {
  const period = 30 * 86_400;
  let funder: HardhatEthersSigner, alice: HardhatEthersSigner, eve: HardhatEthersSigner;
  let token: Contract, vesting: Contract;
  let start: number;

  const balance = async () => fhevm.userDecryptEuint(FhevmType.euint64, await token.confidentialBalanceOf(alice), token, alice);

  const terms = () => ethers.AbiCoder.defaultAbiCoder().encode(["address", "uint64", "uint64"], [alice.address, start, period]);

  const fund = async (data: string) => {
    const input = fhevm.createEncryptedInput(await token.getAddress(), funder.address).add64(1003n);
    const { handles, inputProof } = await input.encrypt();
    return token["confidentialTransferAndCall(address,bytes32,bytes,bytes)"](vesting, handles[0], inputProof, data);
  };

  before(async () => {
    [funder, alice, eve] = await ethers.getSigners();
    token = await ethers.deployContract("FleetingCoin");
    vesting = await ethers.deployContract("ConfidentialVesting", [token]);
    start = await time.latest();
    await mined(token.take(1003n));
    await mined(fund(terms()));
  });

  it("shows the beneficiary the grant, whatever rights the token gives", async () => {
    const { rest } = await vesting.grants(0);
    expect(await fhevm.userDecryptEuint(FhevmType.euint64, rest, vesting, alice)).to.equal(1003n);
  });

  it("says what is wrong with terms", async () => {
    const words = (...values: bigint[]) => ethers.AbiCoder.defaultAbiCoder().encode(Array(values.length).fill("uint256"), values);
    const to = BigInt(alice.address);
    const wrong = ["0x", words(to, 1n), terms() + "00", words(0n, 1n, 1n), words(to, 1n, 0n)];
    wrong.push(words(to + (1n << 160n), 1n, 1n), words(to, 1n << 64n, 1n), words(to, 1n, 1n << 64n));
    for (const data of wrong) await expect(fund(data), data).to.be.revertedWithCustomError(vesting, "InvalidGrant");
  });

  it("pays nothing before its time, and makes no grant of what did not arrive", async () => {
    await expect(vesting.release(0)).to.be.revertedWithCustomError(vesting, "NothingDue").withArgs(start + period);
    await expect(vesting.release(99)).to.be.revertedWithCustomError(vesting, "NoSuchGrant").withArgs(99);
    const { rest } = await vesting.grants(0);
    const forged = by(eve, vesting).onConfidentialTransferReceived(eve, eve, rest, terms());
    await expect(forged).to.be.revertedWithCustomError(vesting, "NotTheToken");
    await expect(fhevm.userDecryptEuint(FhevmType.euint64, rest, vesting, eve)).to.be.rejectedWith(/not authorized/);
  });

  it("pays the instalments that are due once, whoever asks", async () => {
    await time.increaseTo(start + 5 * period);
    await mined(by(eve, vesting).release(0));
    expect(await balance()).to.equal(5n * (1003n / 16n));
    await expect(vesting.release(0)).to.be.revertedWithCustomError(vesting, "NothingDue").withArgs(start + 6 * period);
  });

  it("pays all of the rest in the end, and no more", async () => {
    await time.increaseTo(start + 100 * period);
    await mined(vesting.release(0));
    expect(await balance()).to.equal(1003n);
    await expect(vesting.release(0)).to.be.revertedWithCustomError(vesting, "NothingDue").withArgs(0);
    const { rest } = await vesting.grants(0);
    expect(await fhevm.userDecryptEuint(FhevmType.euint64, rest, vesting, alice)).to.equal(0n);
  });
});

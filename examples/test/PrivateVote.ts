import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

describe("PrivateVote", () => {
  let voters: HardhatEthersSigner[], eve: HardhatEthersSigner;
  let vote: Contract;

  const ballot = async (voter: HardhatEthersSigner, option: number) =>
    fhevm.createEncryptedInput(await vote.getAddress(), voter.address).add8(option).encrypt();

  const cast = async (voter: HardhatEthersSigner, option: number) => {
    const { handles, inputProof } = await ballot(voter, option);
    return by(voter, vote).vote(handles[0], inputProof);
  };

  async function threeVotes() {
    [eve, ...voters] = (await ethers.getSigners()).slice(0, 5);
    vote = await ethers.deployContract("PrivateVote", [voters, 3, 1000, 4]);
    for (const [i, option] of [2, 0, 2].entries()) await mined(cast(voters[i], option));
  }

  beforeEach(() => loadFixture(threeVotes));

  it("has a quorum of which no voter can subtract its way to another's vote", async () => {
    const factory = await ethers.getContractFactory("PrivateVote");
    await expect(factory.deploy(voters, 3, 1000, 2)).to.be.revertedWithCustomError(factory, "InvalidSetup");
  });

  it("takes up to 32 options and 500 voters, whose setup and votes fit a transaction", async () => {
    const crowd = Array.from({ length: 501 }, () => ethers.hexlify(ethers.randomBytes(20)));
    const factory = await ethers.getContractFactory("PrivateVote");
    for (const [electorate, options] of [[voters, 1], [voters, 33], [crowd, 2]] as const) {
      await expect(factory.deploy(electorate, options, 1000, 3)).to.be.revertedWithCustomError(factory, "InvalidSetup");
    }
    const most = (await factory.deploy([eve, ...crowd.slice(2)], 32, 1000, 3)) as Contract;
    const input = fhevm.createEncryptedInput(await most.getAddress(), eve.address).add8(31);
    const { handles, inputProof } = await input.encrypt();
    const gas = await most.vote.estimateGas(handles[0], inputProof);
    expect(gas, "half of what a transaction may have").to.be.lessThan(2n ** 23n);
  });

  it("takes one vote of each voter, and no copy of another's", async () => {
    await expect(cast(voters[0], 1)).to.be.revertedWithCustomError(vote, "MayNotVote");
    await expect(cast(eve, 1)).to.be.revertedWithCustomError(vote, "MayNotVote");
    const { handles, inputProof } = await ballot(voters[0], 1);
    await expect(by(voters[3], vote).vote(handles[0], inputProof)).to.be.rejectedWith(/bound to user/);
  });

  it("opens nothing before the deadline or below the quorum", async () => {
    await expect(vote.close()).to.be.revertedWithCustomError(vote, "WrongTime");
    const few = await ethers.deployContract("PrivateVote", [voters, 3, 1, 3]);
    await time.increaseTo(Number(await few.deadline()));
    await expect(few.close()).to.be.revertedWithCustomError(few, "QuorumNotReached");
    const [tally] = await vote.encryptedTallies();
    await expect(fhevm.publicDecrypt([tally])).to.be.rejectedWith(/not allowed for public decryption/);
  });

  it("counts every vote, and for no option one that is invalid", async () => {
    await mined(cast(voters[3], 200));
    await time.increaseTo(Number(await vote.deadline()));
    await expect(vote.publish([1, 0, 2], "0x")).to.be.revertedWithCustomError(vote, "NothingToPublish");
    await mined(vote.close());
    const tallies: string[] = [...(await vote.encryptedTallies())];
    const { clearValues, decryptionProof } = await fhevm.publicDecrypt(tallies);
    expect(tallies.map((t) => clearValues[t])).to.deep.equal([1n, 0n, 2n]);
    await expect(vote.publish([0, 1, 2], decryptionProof)).to.be.revertedWithCustomError(
      ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
    );
    await expect(vote.publish([1, 0, 2, 0], decryptionProof)).to.be.rejectedWith(/ResultLengthMismatch/);
    await mined(vote.publish([1, 0, 2], decryptionProof));
    expect(await vote.results(2)).to.equal(2n);
    await expect(vote.publish([1, 0, 2], decryptionProof)).to.be.revertedWithCustomError(vote, "NothingToPublish");
  });
});

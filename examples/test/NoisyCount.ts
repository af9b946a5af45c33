import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

/** The smallest delta for an epsilon, where a count that differs by 1 hides behind `coins` fair coins. */
function delta(epsilon: number, coins: number): number {
  let [chance, before, sum] = [2 ** -coins, 0, 0];
  for (let heads = 0; heads <= coins; heads++) {
    sum += Math.max(0, chance - Math.exp(epsilon) * before);
    [before, chance] = [chance, (chance * (coins - heads)) / (heads + 1)];
  }
  return sum;
}

describe("NoisyCount", () => {
  let people: HardhatEthersSigner[];
  let survey: Contract;

  const answer = async (person: HardhatEthersSigner, yes: boolean) => {
    const input = fhevm.createEncryptedInput(await survey.getAddress(), person.address).addBool(yes);
    const { handles, inputProof } = await input.encrypt();
    return by(person, survey).answer(handles[0], inputProof);
  };

  async function threeAnswers() {
    people = (await ethers.getSigners()).slice(0, 3);
    survey = await ethers.deployContract("NoisyCount", [1000]);
    for (const person of people) await mined(answer(person, true));
  }

  beforeEach(() => loadFixture(threeAnswers));

  it("has the privacy that it states", () => {
    expect(delta(0.5, 256)).to.be.within(1.4e-6, 1.5e-6);
    expect(delta(1, 256)).to.be.within(6.2e-16, 6.3e-16);
  });

  it("counts one answer of each account, and opens none before the deadline", async () => {
    await expect(answer(people[0], false)).to.be.revertedWithCustomError(survey, "AlreadyAnswered");
    await expect(survey.release()).to.be.revertedWithCustomError(survey, "WrongTime");
  });

  it("opens the count with noise, once", async () => {
    await time.increaseTo(Number(await survey.deadline()));
    await mined(survey.release());
    await expect(survey.release()).to.be.revertedWithCustomError(survey, "WrongPhase");
    const noisy = await survey.noisy();
    const value = await fhevm.publicDecryptEuint(FhevmType.euint16, noisy);
    expect(Number(value) - 128 - people.length, "nine standard deviations").to.be.within(-72, 72);
    const { decryptionProof } = await fhevm.publicDecrypt([noisy]);
    await expect(survey.publish(value + 1n, decryptionProof)).to.be.revertedWithCustomError(
      ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
    );
    await mined(survey.publish(value, decryptionProof));
    expect(await survey.estimate()).to.equal(value - 128n);
    await expect(survey.publish(value, decryptionProof)).to.be.revertedWithCustomError(survey, "WrongPhase");
  });

  it("takes answers again after a test has closed it", async () => {
    const extra = (await ethers.getSigners())[3];
    await mined(answer(extra, true));
    expect(await time.latest()).to.be.lessThan(Number(await survey.deadline()));
  });

  it("draws other noise for other answers", async () => {
    const released: string[] = [];
    for (let i = 0; i < 5; i++) {
      const empty = await ethers.deployContract("NoisyCount", [0]);
      await mined(empty.release());
      released.push(await empty.noisy());
    }
    const opened = new Set(await Promise.all(released.map((noisy) => fhevm.publicDecryptEuint(FhevmType.euint16, noisy))));
    expect(opened.size, "five equal ones have a chance of 1 in 300,000").to.be.greaterThan(1);
  });
});

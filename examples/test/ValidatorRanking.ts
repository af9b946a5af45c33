import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

describe("ValidatorRanking", () => {
  const ballots = [
    [255, 8, 3, 0, 5], // 255 for oneself
    [7, 0, 200, 1, 5], // 200 counts as 10
    [9, 8, 0, 2, 5],
    [10, 6, 4, 0, 5],
  ];
  let members: HardhatEthersSigner[], eve: HardhatEthersSigner;
  let ranking: Contract;

  const rate = async (member: HardhatEthersSigner, rates: number[]) => {
    const input = fhevm.createEncryptedInput(await ranking.getAddress(), member.address);
    for (const r of rates) input.add8(r);
    const { handles, inputProof } = await input.encrypt();
    return by(member, ranking).rate(handles, inputProof);
  };

  before(async () => {
    [eve, ...members] = (await ethers.getSigners()).slice(0, 6);
    ranking = await ethers.deployContract("ValidatorRanking", [members, 1000]);
    for (const i of [0, 1, 2]) await mined(rate(members[i], ballots[i]));
  });

  it("takes one whole ballot of each member", async () => {
    await expect(rate(members[0], ballots[0])).to.be.revertedWithCustomError(ranking, "AlreadyRated");
    await expect(rate(eve, ballots[0])).to.be.revertedWithCustomError(ranking, "NotAMember");
    await expect(rate(members[3], [1, 2, 3])).to.be.revertedWithCustomError(ranking, "WrongNumberOfRates");
    const factory = await ethers.getContractFactory("ValidatorRanking");
    await expect(factory.deploy([...members.slice(1), members[1]], 1)).to.be.revertedWithCustomError(factory, "InvalidMembers");
  });

  it("takes up to 32 members, whose ballots fit a transaction", async () => {
    const others = Array.from({ length: 29 }, () => ethers.Wallet.createRandom().address);
    const factory = await ethers.getContractFactory("ValidatorRanking");
    const crowd = [members[0].address, ...others, members[1].address];
    await expect(factory.deploy([...crowd, eve.address, members[2].address], 1)).to.be.revertedWithCustomError(factory, "InvalidMembers");
    const most = (await factory.deploy([...crowd, eve.address], 1000)) as Contract;
    const input = fhevm.createEncryptedInput(await most.getAddress(), eve.address);
    for (let i = 0; i < 32; i++) input.add8(10);
    const { handles, inputProof } = await input.encrypt();
    const gas = await most.rate.estimateGas(handles, inputProof);
    expect(gas, "half of what a transaction may have").to.be.lessThan(2n ** 23n);
  });

  it("opens no sum early, or of too few rates", async () => {
    await expect(ranking.close()).to.be.revertedWithCustomError(ranking, "WrongTime");
    await expect(ranking.meanRate(0)).to.be.revertedWithCustomError(ranking, "NotPublished");
    const empty = await ethers.deployContract("ValidatorRanking", [members, 1]);
    await time.increaseTo(Number(await empty.deadline()));
    await expect(empty.close()).to.be.revertedWithCustomError(empty, "TooFewBallots");
    const [total] = await ranking.encryptedTotals();
    await expect(fhevm.publicDecrypt([total])).to.be.rejectedWith(/not allowed for public decryption/);
  });

  it("opens the sums of what the others gave, at most 10 each", async () => {
    await mined(rate(members[3], ballots[3]));
    await time.increaseTo(Number(await ranking.deadline()));
    await mined(ranking.close());
    const totals: string[] = [...(await ranking.encryptedTotals())];
    const { clearValues, decryptionProof } = await fhevm.publicDecrypt(totals);
    const sums = totals.map((t) => clearValues[t] as bigint);
    expect(sums).to.deep.equal([26n, 22n, 17n, 3n, 20n]);
    await expect(ranking.publish([...sums].reverse(), decryptionProof)).to.be.revertedWithCustomError(
      ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
    );
    await mined(ranking.publish(sums, decryptionProof));
    expect([await ranking.meanRate(0), await ranking.meanRate(4)]).to.deep.equal([8666n, 5000n]);
    await expect(ranking.publish(sums, decryptionProof)).to.be.revertedWithCustomError(ranking, "NothingToPublish");
  });
});

import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

describe("TwentyOne", () => {
  let player: HardhatEthersSigner, eve: HardhatEthersSigner;
  let table: Contract;
  let outcome: bigint;

  const value = (card: bigint) => (card % 13n < 9n ? (card % 13n) + 1n : 10n);
  const open = (handle: string, as = player) => fhevm.userDecryptEuint(FhevmType.euint8, handle, table, as);

  before(async () => {
    [player, eve] = await ethers.getSigners();
    table = await ethers.deployContract("TwentyOne");
    await mined(table.deal());
    await mined(table.hit());
  });

  it("deals cards of a deck, which the table turns into their values", async () => {
    const { cards, total } = await table.gameOf(player);
    const drawn = await Promise.all([...cards].map((card: string) => open(card)));
    expect(drawn.every((card) => card < 52n)).to.equal(true);
    expect(await open(total)).to.equal(drawn.reduce((sum, card) => sum + value(card), 0n));
  });

  it("shows a card to its player only", async () => {
    const { cards } = await table.gameOf(player);
    await expect(open(cards[0], eve)).to.be.rejectedWith(/not authorized/);
    await expect(fhevm.publicDecrypt([cards[0]])).to.be.rejectedWith(/not allowed for public decryption/);
  });

  it("lets nobody begin again, or draw after the end", async () => {
    await expect(table.deal()).to.be.revertedWithCustomError(table, "WrongPhase");
    await mined(table.stand());
    await expect(table.hit()).to.be.revertedWithCustomError(table, "WrongPhase");
    await expect(table.stand()).to.be.revertedWithCustomError(table, "WrongPhase");
  });

  it("pays who is nearer to 21, once", async () => {
    const game = await table.gameOf(player);
    const [mine, house] = [await open(game.total), await open(game.house)];
    outcome = mine > 21n ? 0n : house > 21n || mine > house ? 2n : mine === house ? 1n : 0n;
    expect(house).to.be.within(4n, 26n);
    const { clearValues, decryptionProof } = await fhevm.publicDecrypt([game.outcome]);
    expect(clearValues[game.outcome]).to.equal(outcome);
    await expect(by(eve, table).settle(player, 3n, decryptionProof)).to.be.revertedWithCustomError(
      ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
    );
    await mined(by(eve, table).settle(player, outcome, decryptionProof));
    expect(await table.score(player)).to.equal(outcome - 1n);
    await expect(table.settle(player, outcome, decryptionProof)).to.be.revertedWithCustomError(table, "WrongPhase");
  });
});

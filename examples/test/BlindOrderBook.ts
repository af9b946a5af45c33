import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { expect } from "chai";
import type { Contract } from "ethers";
import { ethers, fhevm } from "hardhat";
import { by, mined } from "./chain";

describe("BlindOrderBook", () => {
  let buyer: HardhatEthersSigner, seller: HardhatEthersSigner, eve: HardhatEthersSigner;
  let base: Contract, quote: Contract, book: Contract;

  const deposit = async (token: Contract, from: HardhatEthersSigner, amount: bigint) => {
    await mined(by(from, token).take(amount));
    const input = fhevm.createEncryptedInput(await token.getAddress(), from.address).add64(amount);
    const { handles, inputProof } = await input.encrypt();
    await mined(by(from, token)["confidentialTransferAndCall(address,bytes32,bytes,bytes)"](book, handles[0], inputProof, "0x"));
  };

  const place = async (from: HardhatEthersSigner, buys: boolean, price: number, amount: number) => {
    const input = fhevm.createEncryptedInput(await book.getAddress(), from.address).add16(price).add16(amount);
    const { handles, inputProof } = await input.encrypt();
    await mined(by(from, book).place(buys, handles[0], handles[1], inputProof));
  };

  const free = async (token: Contract, of: HardhatEthersSigner) =>
    fhevm.userDecryptEuint(FhevmType.euint64, await book.freeOf(token, of), book, of);

  const rest = async (id: number, of: HardhatEthersSigner) =>
    fhevm.userDecryptEuint(FhevmType.euint16, (await book.orders(id)).amount, book, of);

  before(async () => {
    [buyer, seller, eve] = await ethers.getSigners();
    [base, quote] = [await ethers.deployContract("Coin", ["B"]), await ethers.deployContract("Coin", ["Q"])];
    book = await ethers.deployContract("BlindOrderBook", [base, quote]);
    await deposit(quote, buyer, 2500n);
    await deposit(base, seller, 50n);
    await place(buyer, true, 100, 20);
    await place(seller, false, 90, 12);
    await place(seller, false, 101, 30);
    await place(eve, false, 1, 65535);
  });

  it("trades the smaller amount at the seller's price where prices cross", async () => {
    await mined(book.matchOrders(0, 1));
    await mined(book.matchOrders(0, 1));
    expect(await free(base, buyer)).to.equal(12n);
    expect(await free(quote, seller)).to.equal(12n * 90n);
    expect([await rest(0, buyer), await rest(1, seller)]).to.deep.equal([8n, 0n]);
  });

  it("moves nothing where prices do not cross, or an order is not covered", async () => {
    await mined(book.matchOrders(0, 2));
    await mined(book.matchOrders(0, 3));
    expect(await rest(0, buyer)).to.equal(8n);
    expect(await rest(2, seller)).to.equal(30n);
    expect(await free(quote, eve)).to.equal(0n);
  });

  it("shows an order to its owner only", async () => {
    for (const handle of [(await book.orders(0)).price, (await book.orders(0)).amount]) {
      await expect(fhevm.userDecryptEuint(FhevmType.euint16, handle, book, seller)).to.be.rejectedWith(/not authorized/);
    }
  });

  it("takes deposits of its tokens only, pairs of both sides, and an order back from its owner once", async () => {
    const forged = by(eve, book).onConfidentialTransferReceived(eve, eve, await book.freeOf(quote, buyer), "0x");
    await expect(forged).to.be.revertedWithCustomError(book, "NotATokenOfThisBook");
    await expect(book.matchOrders(1, 2)).to.be.revertedWithCustomError(book, "NoSuchPair");
    await expect(book.matchOrders(0, 99)).to.be.revertedWithCustomError(book, "NoSuchPair").withArgs(0, 99);
    await expect(by(eve, book).cancel(99)).to.be.revertedWithCustomError(book, "NoSuchOrder").withArgs(99);
    await expect(by(eve, book).cancel(0)).to.be.revertedWithCustomError(book, "NotTheOwner");
    await mined(by(buyer, book).cancel(0));
    await expect(by(buyer, book).cancel(0)).to.be.revertedWithCustomError(book, "NotTheOwner");
    await expect(book.matchOrders(0, 1)).to.be.revertedWithCustomError(book, "NoSuchPair");
    await mined(by(buyer, book).withdraw(quote));
    const paid = await fhevm.userDecryptEuint(FhevmType.euint64, await quote.confidentialBalanceOf(buyer), quote, buyer);
    expect(paid).to.equal(2500n - 12n * 90n);
  });
});

import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { expect } from "chai";
import type { ContractTransactionReceipt, ContractTransactionResponse } from "ethers";
import { ethers, fhevm } from "hardhat";

describe("values of several types", () => {
  let alice: HardhatEthersSigner;
  let values: Awaited<ReturnType<typeof ethers.deployContract>>;
  let receipt: ContractTransactionReceipt;

  before(async () => {
    [alice] = await ethers.getSigners();
    values = await ethers.deployContract("Values");
    const input = fhevm
      .createEncryptedInput(await values.getAddress(), alice.address)
      .addBool(true)
      .add8(200);
    const { handles, inputProof } = await input.encrypt();
    const sent = (await values.set(handles[0], handles[1], inputProof)) as ContractTransactionResponse;
    receipt = (await sent.wait()) as ContractTransactionReceipt;
  });

  it("are opened publicly", async () => {
    expect(await fhevm.publicDecryptEbool(await values.flag())).to.equal(true);
  });

  it("are opened to a user", async () => {
    expect(await fhevm.userDecryptEuint(FhevmType.euint8, await values.small(), values, alice)).to.equal(200n);
  });

  it("are opened however many are asked for at once", async () => {
    const flag = await values.flag();
    const asked = Array.from({ length: 30 }, () => fhevm.publicDecryptEbool(flag));
    expect(await Promise.all(asked)).to.deep.equal(Array(30).fill(true));
  });

  it("are read by the developer, whoever holds a right", async () => {
    expect(await fhevm.debugger.decryptEbool(await values.flag())).to.equal(true);
    expect(await fhevm.debugger.decryptEuint(FhevmType.euint16, await values.wide())).to.equal(200n);
    await expect(fhevm.debugger.decryptEuint(FhevmType.euint8, await values.lost())).to.be.rejectedWith(
      /nobody may ever decrypt it: the contract has to call FHE\.allowThis/,
    );
  });

  it("come from operations that are reported by their established names", () => {
    const names = fhevm.parseCoprocessorEvents(receipt.logs).map((e) => e.eventName);
    expect(names).to.deep.equal(["VerifyInput", "VerifyInput", "Cast", "TrivialEncrypt", "FheIfThenElse", "FheAdd"]);
  });

  it("that nobody kept give an error with advice", async () => {
    const refused = await values.forget().catch((e: unknown) => e);
    expect(refused)
      .to.have.property("message")
      .that.matches(/ACLNotAllowed\(handle .*: this account may not use the handle: call FHE\.allowThis/);
    expect(await fhevm.tryParseFhevmError(refused)).to.include({ type: "FHEVMExecutor", name: "ACLNotAllowed" });
    await expect(values.forget()).to.be.revertedWithCustomError(...fhevm.revertedWithCustomErrorArgs("FHEVMExecutor", "ACLNotAllowed"));
  });
});

import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { expect } from "chai";
import { ZeroAddress, ZeroHash, hexlify } from "ethers";
import { ethers, fhevm } from "hardhat";
import type { Token } from "./token-type";

describe("ConfidentialToken", () => {
  let alice: HardhatEthersSigner, bob: HardhatEthersSigner, eve: HardhatEthersSigner;
  let token: Token;
  let address: string;

  const encrypt = async (from: HardhatEthersSigner, amount: bigint, contract = address) =>
    fhevm.createEncryptedInput(contract, from.address).add64(amount).encrypt();

  const balance = async (of: HardhatEthersSigner) =>
    fhevm.userDecryptEuint(FhevmType.euint64, await token.confidentialBalanceOf(of.address), address, of);

  before(async () => {
    [alice, bob, eve] = await ethers.getSigners();
    token = (await ethers.deployContract("Token")) as unknown as Token;
    address = await token.getAddress();
    const { handles, inputProof } = await encrypt(alice, 1000n);
    await (await token.mint(alice.address, handles[0], inputProof)).wait();
  });

  it("computes with real cryptography on a contract that is set up", async () => {
    expect(fhevm.isMock).to.equal(false);
    await fhevm.assertCoprocessorInitialized(token, "Token");
    expect(await fhevm.getCoprocessorConfig(address)).to.have.property("ACLAddress", (await fhevm.getRelayerMetadata()).ACLAddress);
  });

  it("tells which contract is not set up", async () => {
    await expect(fhevm.assertCoprocessorInitialized(eve, "Eve")).to.be.rejectedWith(
      /Contract Eve at 0x\w+ is not initialized for FHE operations/,
    );
  });

  it("moves an encrypted amount, and nothing where the balance is too low", async () => {
    for (const amount of [300n, 10_000n]) {
      const { handles, inputProof } = await encrypt(alice, amount);
      await (await token.transfer(bob.address, handles[0], inputProof)).wait();
    }
    expect(await balance(alice)).to.equal(700n);
    expect(await balance(bob)).to.equal(300n);
  });

  it("reports an input as the established event", async () => {
    const { handles, inputProof } = await encrypt(bob, 1n);
    const receipt = await (await token.connect(bob).approve(eve.address, handles[0], inputProof)).wait();
    const [input] = fhevm.parseCoprocessorEvents(receipt!.logs);
    expect(input.eventName).to.equal("VerifyInput");
    const { result, userAddress } = input.args as { result: string; userAddress: string };
    expect([result, userAddress]).to.deep.equal([ethers.hexlify(handles[0]), bob.address]);
  });

  it("refuses strangers in the established words", async () => {
    const handle = await token.confidentialBalanceOf(alice.address);
    await expect(fhevm.userDecryptEuint(FhevmType.euint64, handle, address, eve)).to.be.rejectedWith(
      new RegExp(`User ${eve.address} is not authorized to user decrypt handle ${handle}`),
    );
    await expect(fhevm.userDecryptEuint(FhevmType.euint64, handle, eve.address, alice)).to.be.rejectedWith(
      new RegExp(`dapp contract ${eve.address} is not authorized to user decrypt handle ${handle}.`),
    );
    await expect(fhevm.userDecryptEuint(FhevmType.euint64, ZeroHash, address, alice)).to.be.rejectedWith("Handle is not initialized");
    await expect(fhevm.userDecryptEuint(FhevmType.euint8, handle, address, alice)).to.be.rejectedWith(
      "expected 'euint8', but got 'euint64' instead",
    );
    await expect(fhevm.publicDecryptEuint(FhevmType.euint64, handle)).to.be.rejectedWith(
      `Handle ${handle} is not allowed for public decryption!`,
    );
  });

  it("decrypts by a permit that the user signs", async () => {
    const handle = await token.confidentialBalanceOf(bob.address);
    const { publicKey, privateKey } = fhevm.generateKeypair();
    const start = Math.floor(Date.now() / 1000);
    const permit = fhevm.createEIP712(publicKey, [address], start, 10);
    const signature = await bob.signTypedData(permit.domain, permit.types, permit.message);
    const open = (key: string, signed: string) =>
      fhevm.userDecrypt([{ handle, contractAddress: address }], key, publicKey, signed, [address], bob.address, start, 10);
    expect(await open(privateKey, signature.slice(2))).to.deep.equal({ [handle]: 300n });
    const other = await alice.signTypedData(permit.domain, permit.types, permit.message);
    await expect(open(privateKey, other)).to.be.rejectedWith(/signed by .*, not by user/);
    expect(() => permit.types.UserDecryptRequestVerification).to.throw("sign with user.signTypedData");
  });

  it("decrypts for a delegate by a permit that the delegate signs", async () => {
    const handle = await token.confidentialBalanceOf(bob.address);
    const { publicKey, privateKey } = fhevm.generateKeypair();
    const start = Math.floor(Date.now() / 1000);
    const permit = fhevm.createDelegatedUserDecryptEIP712(publicKey, [address], bob.address, start, 10);
    const signature = await eve.signTypedData(permit.domain, permit.types, permit.message);
    const pairs = [{ handle, contractAddress: address }];
    const open = (signed: string) =>
      fhevm.delegatedUserDecrypt(pairs, privateKey, publicKey, signed, [address], bob.address, eve.address, start, 10);
    await expect(open(signature)).to.be.rejectedWith(
      `Delegate ${eve.address} is not authorized to user decrypt handle ${handle} on behalf of ${bob.address}!`,
    );
    const { ACLAddress } = await fhevm.getRelayerMetadata();
    const acl = new ethers.Contract(ACLAddress, fhevm.revertedWithCustomErrorArgs("ACL", "NotDelegatedYet")[0].interface, bob);
    await (await acl.delegateForUserDecryption(eve.address, address, start + 86_400)).wait();
    expect(await open(signature.slice(2))).to.deep.equal({ [handle]: 300n });
    const other = await alice.signTypedData(permit.domain, permit.types, permit.message);
    await expect(open(other)).to.be.rejectedWith(/signed by .*, not by user/);
    expect(() => permit.types.DelegatedUserDecryptRequestVerification).to.throw("this network's permit is a DelegatedDecryptionPermit");
    await (await acl.revokeDelegationForUserDecryption(eve.address, address)).wait();
    await expect(open(signature)).to.be.rejectedWith(/is not authorized to user decrypt/);
  });

  it("opens the total supply, which the contract verifies", async () => {
    await (await token.requestTotalSupply()).wait();
    const handle = await token.confidentialTotalSupply();
    expect(await fhevm.publicDecryptEuint(FhevmType.euint64, handle)).to.equal(1000n);
    const { clearValues, abiEncodedClearValues, decryptionProof } = await fhevm.publicDecrypt([handle]);
    expect(clearValues).to.deep.equal({ [handle]: 1000n });
    expect(BigInt(abiEncodedClearValues)).to.equal(1000n);
    await expect(token.finalizeTotalSupply(999n, decryptionProof)).to.be.revertedWithCustomError(
      ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
    );
    await (await token.finalizeTotalSupply(1000n, decryptionProof)).wait();
    expect(await token.publishedTotalSupply()).to.equal(1000n);
    expect(await fhevm.debugger.createDecryptionSignatures([handle], [1000n])).to.have.length(3);
    await expect(fhevm.debugger.createDecryptionSignatures([handle], [1n])).to.be.rejectedWith("signs true values only");
  });

  it("reads anything for the developer", async () => {
    const handle = await token.confidentialBalanceOf(bob.address);
    expect(await fhevm.debugger.decryptEuint(FhevmType.euint64, handle)).to.equal(300n);
    await expect(fhevm.debugger.decryptEbool(handle)).to.be.rejectedWith("expected 'ebool'");
    await expect(fhevm.debugger.decryptEuint(FhevmType.euint64, handle.replace(/^0x./, "0xf").replace(/^0x../, "0x00"))).to.be.rejectedWith(
      "is unknown",
    );
  });

  it("says why a transaction reverted and what to do", async () => {
    const { handles, inputProof } = await encrypt(eve, 5n);
    const foreign = await token.transfer(bob.address, handles[0], inputProof).catch((e: unknown) => e);
    expect(foreign)
      .to.be.instanceOf(Error)
      .with.property("message")
      .that.matches(/execution reverted: FHE input: .*bound to/);
    expect(await fhevm.tryParseFhevmError(foreign)).to.include({ type: "InputVerifier", name: "InvalidInput" });
    const stolen = await token
      .connect(eve)
      .transfer(bob.address, await token.confidentialBalanceOf(alice.address), "0x")
      .catch((e: unknown) => e);
    expect(stolen)
      .to.have.property("message")
      .that.matches(/SenderNotAllowedToUseHandle\(.*uint64, computed.*: the sender passed a handle that it has no right on/);
  });

  it("says so too where the gas limit was given and the transaction is mined", async () => {
    const handle = await token.confidentialBalanceOf(alice.address);
    await expect(token.connect(eve).transfer(bob.address, handle, "0x", { gasLimit: 5_000_000 })).to.be.rejectedWith(
      /SenderNotAllowedToUseHandle/,
    );
  });

  it("names what does not fit before it is encrypted", () => {
    const input = fhevm.createEncryptedInput(address, alice.address);
    expect(() => input.add64(1n << 64n)).to.throw("does not fit uint64");
    expect(() => fhevm.createEncryptedInput("0x12", alice.address)).to.throw("'contractAddress' argument is not a valid address");
    expect(input.addBool(true).add8(1).addAddress(ZeroAddress).getBits()).to.deep.equal([2, 8, 160]);
  });

  it("derives a result's handle as the executor does", async () => {
    const { handles, inputProof } = await encrypt(alice, 1n);
    const receipt = await (await token.mint(bob.address, handles[0], inputProof)).wait();
    const events = fhevm.parseCoprocessorEvents(receipt!.logs);
    expect(events.map((e) => e.eventName)).to.deep.equal([
      "VerifyInput",
      "FheNot",
      "FheLe",
      "FheIfThenElse",
      "FheAdd",
      "FheAdd",
    ]);
    const { lhs, rhs, result } = events[2].args as unknown as { lhs: string; rhs: string; result: string };
    const choice = events[3].args as unknown as { control: string; ifTrue: string; ifFalse: string };
    expect([choice.control, choice.ifTrue, choice.ifFalse]).to.deep.equal([result, hexlify(handles[0]), ZeroHash]);
    const coder = fhevm.debugger.createHandleCoder();
    const salts = Array.from({ length: 100 }, (_, salt) => coder.fheLe(lhs, rhs, false, { salt, made: [false, true] }));
    expect(salts).to.include(result);
  });
});

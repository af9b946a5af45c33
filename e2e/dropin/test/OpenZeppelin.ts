import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { FhevmType } from "@fhevm/hardhat-plugin";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { expect } from "chai";
import type { BaseContract, BytesLike, ContractTransactionReceipt, ContractTransactionResponse } from "ethers";
import { ethers, fhevm } from "hardhat";

type Sent = Promise<ContractTransactionResponse>;

/** What the tests call of a confidential token. */
interface Token extends BaseContract {
  connect(runner: Parameters<BaseContract["connect"]>[0]): this;
  confidentialBalanceOf(account: string): Promise<string>;
  setOperator(operator: string, until: number): Sent;
  confidentialTransferFrom(from: string, to: string, amount: BytesLike, proof: BytesLike): Sent;
}

interface VotesToken extends Token {
  mint(to: string, amount: BytesLike, proof: BytesLike): Sent;
  delegate(to: string): Sent;
  getVotes(account: string): Promise<string>;
  getPastVotes(account: string, block: number): Promise<string>;
  getHandleAllowance(handle: string, account: string, persistent: boolean): Sent;
}

interface Wrapper extends Token {
  wrap(to: string, amount: bigint): Sent;
  unwrapRequester(request: string): Promise<string>;
  finalizeUnwrap(request: string, amount: bigint, proof: BytesLike): Sent;
}

interface Dollar extends BaseContract {
  connect(runner: Parameters<BaseContract["connect"]>[0]): this;
  mint(to: string, amount: bigint): Sent;
  approve(spender: BaseContract, amount: bigint): Sent;
  balanceOf(account: string | BaseContract): Promise<bigint>;
}

const transfer = "confidentialTransfer(address,bytes32,bytes)";
const transferFrom = "confidentialTransferFrom(address,address,bytes32,bytes)";
const unwrap = "unwrap(address,address,bytes32,bytes)";

let alice: HardhatEthersSigner, bob: HardhatEthersSigner, carol: HardhatEthersSigner;

const deploy = async <T extends BaseContract>(name: string, ...args: unknown[]) =>
  (await ethers.deployContract(name, args)) as unknown as T;

/** Has an account call a function whose last arguments are an encrypted amount and its proof. */
async function send(token: Token, from: HardhatEthersSigner, method: string, to: string[], amount: bigint) {
  const input = fhevm.createEncryptedInput(await token.getAddress(), from.address).add64(amount);
  const { handles, inputProof } = await input.encrypt();
  const sent = await token.connect(from).getFunction(method)(...to, handles[0], inputProof);
  return (await (sent as ContractTransactionResponse).wait()) as ContractTransactionReceipt;
}

const open = async (token: Token, handle: string, reader: HardhatEthersSigner) =>
  fhevm.userDecryptEuint(FhevmType.euint64, handle, token, reader);

const balance = async (token: Token, holder: HardhatEthersSigner) => open(token, await token.confidentialBalanceOf(holder.address), holder);

before(async () => {
  [alice, bob, carol] = await ethers.getSigners();
});

describe("OpenZeppelin's confidential contracts on this library", () => {
  it("all compile", () => {
    const root = path.dirname(require.resolve("@openzeppelin/confidential-contracts/package.json"));
    const sources = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".sol"));
    const compiled = [
      ...readFileSync("contracts/OpenZeppelin.sol", "utf8").matchAll(/import "@openzeppelin\/confidential-contracts\/(.*)";/g),
    ];
    expect(compiled.map((match) => match[1])).to.have.members(sources);
  });

  it("take this library for theirs", () => {
    const { name } = require("@fhevm/solidity/package.json") as { name: string };
    expect(name).to.equal("fhevm-contracts");
  });
});

describe("ERC7984Votes", () => {
  let token: VotesToken;

  /** Votes, counted by the deployer. */
  const count = async (handle: string) => {
    await token.getHandleAllowance(handle, alice.address, true);
    return open(token, handle, alice);
  };

  before(async () => {
    token = await deploy<VotesToken>("VotesToken");
    await send(token, alice, "mint", [alice.address], 1000n);
  });

  it("mints", async () => {
    expect(await balance(token, alice)).to.equal(1000n);
  });

  it("transfers, and nothing where the balance is too low", async () => {
    for (const amount of [300n, 5000n]) await send(token, alice, transfer, [bob.address], amount);
    expect(await balance(token, alice)).to.equal(700n);
    expect(await balance(token, bob)).to.equal(300n);
  });

  it("lets operators transfer, and nobody else", async () => {
    const attempt = () => send(token, carol, transferFrom, [bob.address, carol.address], 100n);
    await expect(attempt()).to.be.revertedWithCustomError(token, "ERC7984UnauthorizedSpender").withArgs(bob.address, carol.address);
    await token.connect(bob).setOperator(carol.address, Math.floor(Date.now() / 1000) + 3600);
    await attempt();
    expect(await balance(token, bob)).to.equal(200n);
    expect(await balance(token, carol)).to.equal(100n);
  });

  it("counts delegated votes, now and at an earlier block", async () => {
    await token.connect(alice).delegate(carol.address);
    await token.connect(bob).delegate(carol.address);
    const before = await ethers.provider.getBlockNumber();
    expect(await count(await token.getVotes(carol.address))).to.equal(900n);
    await send(token, bob, transfer, [carol.address], 50n); // carol has delegated to nobody
    expect(await count(await token.getVotes(carol.address))).to.equal(850n);
    expect(await count(await token.getPastVotes(carol.address, before))).to.equal(900n);
    await expect(
      token.connect(bob).getHandleAllowance(await token.getVotes(carol.address), bob.address, true),
    ).to.be.revertedWithCustomError(token, "HandleAccessManagerNotAllowed");
  });
});

describe("ERC7984ERC20Wrapper", () => {
  const amount = 40_000_000n;
  let dollar: Dollar, wrapper: Wrapper;

  before(async () => {
    dollar = await deploy<Dollar>("Dollar");
    wrapper = await deploy<Wrapper>("Wrapper", await dollar.getAddress());
  });

  it("takes equal amounts of two users in", async () => {
    for (const user of [alice, bob]) {
      await dollar.mint(user.address, amount);
      await dollar.connect(user).approve(wrapper, amount);
      await wrapper.connect(user).wrap(user.address, amount);
      expect(await dollar.balanceOf(user.address)).to.equal(0n);
      expect(await balance(wrapper, user)).to.equal(amount);
    }
    expect(await dollar.balanceOf(wrapper)).to.equal(2n * amount);
  });

  it("gives equal amounts to both, each by a request of its own", async () => {
    const requests: string[] = [];
    for (const user of [alice, bob]) {
      const { logs } = await send(wrapper, user, unwrap, [user.address, user.address], amount / 4n);
      const requested = logs.map((log) => wrapper.interface.parseLog(log)).find((event) => event?.name === "UnwrapRequested");
      requests.push(requested!.args.unwrapRequestId as string);
    }
    expect(requests[0]).to.not.equal(requests[1]);
    const { clearValues } = await fhevm.publicDecrypt(requests);
    expect(Object.values(clearValues)).to.deep.equal([amount / 4n, amount / 4n]);
    for (const [i, user] of [alice, bob].entries()) {
      expect(await wrapper.unwrapRequester(requests[i])).to.equal(user.address);
      const { decryptionProof } = await fhevm.publicDecrypt([requests[i]]);
      await expect(wrapper.finalizeUnwrap(requests[i], amount, decryptionProof)).to.be.revertedWithCustomError(
        ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
      );
      await wrapper.finalizeUnwrap(requests[i], amount / 4n, decryptionProof);
      await expect(wrapper.finalizeUnwrap(requests[i], amount / 4n, decryptionProof)).to.be.revertedWithCustomError(
        wrapper,
        "InvalidUnwrapRequest",
      );
      expect(await dollar.balanceOf(user.address)).to.equal(amount / 4n);
      expect(await balance(wrapper, user)).to.equal((amount * 3n) / 4n);
    }
  });

  it("gives nothing where the balance is too low", async () => {
    const { logs } = await send(wrapper, alice, unwrap, [alice.address, alice.address], amount);
    const requested = logs.map((log) => wrapper.interface.parseLog(log)).find((event) => event?.name === "UnwrapRequested");
    const request = requested!.args.unwrapRequestId as string;
    const { clearValues } = await fhevm.publicDecrypt([request]);
    expect(clearValues[request]).to.equal(0n);
  });
});

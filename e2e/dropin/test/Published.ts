import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { expect } from "chai";
import { type BaseContract, type BytesLike, type ContractTransactionResponse, MaxUint256, getAddress } from "ethers";
import { config, ethers, fhevm } from "hardhat";

/** Whether the same code is compiled against this library, by remapped.config.ts. */
const remapped = config.paths.configFile.endsWith("remapped.config.ts");

type Sent = Promise<ContractTransactionResponse>;

/** What the tests call of contracts/published. */
interface Published extends BaseContract {
  handle(name: string): Promise<string>;
  opened(): Promise<bigint>;
  confidentialProtocolId(): Promise<bigint>;
  set(a: BytesLike, b: BytesLike, wide: BytesLike, flag: BytesLike, who: BytesLike, proof: BytesLike): Sent;
  arithmetic(): Sent;
  bits(): Sent;
  comparisons(): Sent;
  casts(): Sent;
  lists(): Sent;
  random(): Sent;
  lend(other: Published): Sent;
  publish(): Sent;
  open(value: bigint, proof: BytesLike): Sent;
  isValid(value: bigint, proof: BytesLike): Promise<boolean>;
  delegate(to: string, other: string, forEver: boolean): Sent;
  revoke(to: string, other: string): Sent;
  views(account: string): Promise<[initialized: boolean, isPublic: boolean, decryptable: boolean, denied: boolean, delegatedUntil: bigint]>;
}

const [a, b, wide] = [203n, 58n, 0x1234n];

const byte = (value: bigint) => BigInt.asUintN(8, value);
const rotl = (value: bigint, by: bigint) => byte((value << by % 8n) | (value >> (8n - (by % 8n))));

const dice = getAddress("0x000000000000000000000000000000000000d1ce");

/** What the library promises of each result. */
const expected: Record<string, Record<string, bigint | boolean>> = {
  arithmetic: {
    add: byte(a + b),
    addScalar: byte(a + 77n),
    addWider: a + wide,
    sub: byte(a - b),
    subScalar: byte(a - 9n),
    scalarSub: byte(9n - a),
    mul: byte(a * b),
    mulScalar: byte(a * 5n),
    div: a / 7n,
    rem: a % 7n,
    min: b,
    maxScalar: 99n,
    neg: byte(-a),
  },
  bits: {
    and: a & b,
    or: a | b,
    xorScalar: a ^ 0x5an,
    not: byte(~a),
    shl: byte(a << b % 8n),
    shrScalar: a >> 3n,
    rotl: rotl(a, b),
    rotrScalar: rotl(a, 5n),
  },
  comparisons: {
    eq: a === b,
    neScalar: a !== 1n,
    lt: a < b,
    leScalar: a <= 200n,
    gt: a > b,
    scalarGe: 100n >= a,
    sameAddress: true,
    choose: a,
    chooseElse: b,
  },
  casts: {
    widened: a,
    narrowed: byte(wide),
    truth: true,
    number: 1n,
    constant: 123456789n,
    zeroPlusOne: 1n,
    zero: 0n,
  },
  lists: {
    sum: byte(a + b + a),
    isIn: true,
    isNotIn: false,
  },
};

describe(remapped ? "code for the published library on this one" : "bytecode of the published library", () => {
  let alice: HardhatEthersSigner, bob: HardhatEthersSigner;
  let contract: Published;
  let address: string;

  const deploy = async () => (await ethers.deployContract("PublishedLists")) as unknown as Published;

  /** What alice's wallet opens of the results of these names. */
  const read = async (from: Published, names: string[]) => {
    const contractAddress = await from.getAddress();
    const handles = await Promise.all(names.map((name) => from.handle(name)));
    const { publicKey, privateKey } = fhevm.generateKeypair();
    const start = Math.floor(Date.now() / 1000);
    const permit = fhevm.createEIP712(publicKey, [contractAddress], start, 1);
    const signature = await alice.signTypedData(permit.domain, permit.types, permit.message);
    const pairs = handles.map((handle) => ({ handle, contractAddress }));
    const values = await fhevm.userDecrypt(pairs, privateKey, publicKey, signature, [contractAddress], alice.address, start, 1);
    return Object.fromEntries(names.map((name, i) => [name, values[handles[i]]]));
  };

  before(async () => {
    [alice, bob] = await ethers.getSigners();
    contract = await deploy();
    address = await contract.getAddress();
    const input = fhevm.createEncryptedInput(address, alice.address).add8(a).add8(b).add16(wide).addBool(true).addAddress(alice.address);
    const { handles, inputProof } = await input.encrypt();
    await contract.set(handles[0], handles[1], handles[2], handles[3], handles[4], inputProof);
  });

  it("finds this network's contracts", async () => {
    await fhevm.assertCoprocessorInitialized(contract, "Published");
    expect(await contract.confidentialProtocolId()).to.equal(MaxUint256);
  });

  for (const kind of ["arithmetic", "bits", "comparisons", "casts", "lists"] as const) {
    it(`computes ${kind}`, async () => {
      await contract[kind]();
      expect(await read(contract, Object.keys(expected[kind]))).to.deep.equal(expected[kind]);
    });
  }

  it("draws random values", async () => {
    await contract.random();
    const { random, bounded, coin } = await read(contract, ["random", "bounded", "coin"]);
    expect(random).to.be.a("bigint").that.is.lessThan(256n);
    expect(bounded).to.be.a("bigint").that.is.lessThan(16n);
    expect(coin).to.be.a("boolean");
  });

  it("lends values to other contracts, until it cleans up", async () => {
    const other = await deploy();
    await contract.lend(other);
    expect(await read(other, ["borrowed", "taken"])).to.deep.equal({ borrowed: a + 1n, taken: a });
    const clean = contract.getFunction("clean");
    expect(await clean.staticCall(await other.getAddress())).to.deep.equal([true, false]);
  });

  it("delegates what it may decrypt", async () => {
    const until = async () => (await contract.views(bob.address))[4];
    await contract.delegate(bob.address, dice, false);
    expect(await until()).to.be.greaterThan(BigInt(Math.floor(Date.now() / 1000)));
    await contract.delegate(bob.address, dice, true);
    expect(await until()).to.equal((1n << 64n) - 1n);
    await contract.revoke(bob.address, dice);
    expect(await contract.views(bob.address)).to.deep.equal([true, false, false, false, 0n]);
    expect(await contract.views(alice.address)).to.deep.equal([true, false, true, false, 0n]);
  });

  it("verifies the committee's signatures", async () => {
    await contract.publish();
    const handle = await contract.handle("a");
    const { clearValues, decryptionProof } = await fhevm.publicDecrypt([handle]);
    expect(clearValues).to.deep.equal({ [handle]: a });
    await expect(contract.open(a + 1n, decryptionProof)).to.be.revertedWithCustomError(
      ...fhevm.revertedWithCustomErrorArgs("KMSVerifier", "KMSInvalidSigner"),
    );
    await expect(contract.open(a, decryptionProof))
      .to.emit(contract, "PublicDecryptionVerified")
      .withArgs([handle], ethers.zeroPadValue(ethers.toBeHex(a), 32));
    expect(await contract.opened()).to.equal(a);
  });

  it("verifies them by itself in a view", async () => {
    const { decryptionProof } = await fhevm.publicDecrypt([await contract.handle("a")]);
    expect(await contract.isValid(a, decryptionProof)).to.equal(true);
    await expect(contract.isValid(a + 1n, decryptionProof)).to.be.rejectedWith("execution reverted");
  });
});

// The core's own arithmetic on names and values, against the vectors of the precompiles.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { hexlify } from "ethers";

const require = createRequire(import.meta.url);
const { Fhevm, FhevmHandleCoder, FhevmType, RpcError } = require("../dist/core");
const { contractInterface } = require("../dist/core/contracts");
const { clearValue, expectType } = require("../dist/core/handle");
const { EncryptedInput } = require("../dist/core/input");
const { withProgress } = require("../dist/core/progress");
const { parseEvents } = require("../dist/core/operations");
const { customError, parseRevert } = require("../dist/core/reverts");

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../precompiles/testdata/${name}.json`, import.meta.url), "utf8"));
const hex = (text, from, to = text.length / 2) => `0x${text.slice(2 * from, 2 * to)}`;
/** Handle and digest of an operation's first result, behind bootstraps and depth. */
const firstResult = (output) => [hex(output, 64, 96), hex(output, 96, 128)];
const system = (byte) => `0x${byte.repeat(20)}`;
const caller = system("11"),
  user = system("22");

/** The parameters of the network in whose domain a vector is. */
const parametersOf = (domain) => ({
  chainId: Number(hex(domain, 0, 8)),
  keyId: hex(domain, 28, 60),
  protocolVersion: Number(hex(domain, 60, 61)),
  contracts: { acl: hex(domain, 8, 28), executor: system("ee"), inputVerifier: system("1f"), decryptionVerifier: system("de") },
});

function logOf(contract, name, address, args) {
  const at = { index: 3, blockNumber: 5, transactionHash: `0x${"77".repeat(32)}`, transactionIndex: 1 };
  return { address, ...contractInterface(contract).encodeEventLog(name, args), ...at };
}

const plain = (event) => event.args.toObject();

describe("the established events", () => {
  /** What the chain logs of a derivation: not its domain, nor the first 24 bytes of its salt. */
  const computation = (input) => `${hex(input, 61, 63)}${hex(input, 87).slice(2)}`;

  // prettier-ignore
  const names = { 
    add: "FheAdd", sub: "FheSub", max: "FheMax", lt: "FheLt", xor: "FheBitXor", rotl: "FheRotl", neg: "FheNeg", not: "FheNot",
    cast: "Cast", trivialEncrypt: "TrivialEncrypt", select: "FheIfThenElse", rand: "FheRand", randBounded: "FheRandBounded",
    sum: "FheSum", isIn: "FheIsIn", mulDiv: "FheMulDiv", tryAdd: "FheTryAdd", lookup2: "FheLookup2",
  };

  test("name every operation of the table, with its result", () => {
    const seen = new Set();
    for (const { Name, Input, Expected } of vectors("operation")) {
      const [result, digest] = firstResult(Expected);
      const parameters = parametersOf(Input);
      const log = logOf("FHEVMExecutor", "Operation", parameters.contracts.executor, [caller, result, digest, computation(Input)]);
      const [event, ...more] = parseEvents(parameters, [log]);
      assert.equal(more.length, 0);
      assert.equal(event.args.result, result, Name);
      assert.equal(event.args.caller, caller);
      assert.ok(!event.eventName.startsWith("Operation"), Name);
      seen.add(event.eventName);
      const want = names[Name.split("-")[0]];
      if (want) assert.equal(event.eventName, want);
    }
    for (const name of Object.values(names)) assert.ok(seen.has(name), `no vector of ${name}`);
  });

  test("have the operands where they are established", () => {
    const of = (name) => {
      const { Input, Expected } = vectors("operation").find((v) => v.Name === name);
      const parameters = parametersOf(Input);
      const log = logOf("FHEVMExecutor", "Operation", parameters.contracts.executor, [caller, ...firstResult(Expected), computation(Input)]);
      return parseEvents(parameters, [log])[0];
    };
    const add = of("add-uint8"),
      clear = of("add-uint8-clearb");
    assert.deepEqual(Object.keys(plain(add)), ["caller", "lhs", "rhs", "scalarByte", "result"]);
    assert.equal(add.args.lhs, "0x3ac225168df54212a25c1c01fd35bebfea408fdac2ff0000000000007a690200");
    assert.deepEqual([add.args.scalarByte, clear.args.scalarByte], ["0x00", "0x01"]);
    assert.equal(BigInt(clear.args.rhs), 1n);
    assert.deepEqual([add.index, add.blockNumber, add.transactionIndex], [3, 5, 1]);
  });

  test("leave out what other contracts say", () => {
    const { Input, Expected } = vectors("operation")[0];
    const log = logOf("FHEVMExecutor", "Operation", system("66"), [caller, ...firstResult(Expected), computation(Input)]);
    assert.deepEqual(parseEvents(parametersOf(Input), [log]), []);
  });

  test("name the values of input lists", () => {
    for (const { Name, Input, Expected } of vectors("input")) {
      const parameters = parametersOf(Input),
        contract = hex(Input, 61, 81),
        sender = hex(Input, 81, 101);
      const log = logOf("InputVerifier", "InputList", parameters.contracts.inputVerifier, [
        hex(Expected, 0, 32),
        contract,
        sender,
        hex(Input, 101),
      ]);
      const handles = parseEvents(parameters, [log]).map(({ eventName, args }) => {
        assert.equal(eventName, "VerifyInput");
        return args.result;
      });
      assert.equal(handles.map((h) => h.slice(2)).join(""), Expected.slice(128), Name);
    }
  });
});

test("handles are derived as the precompile derives them", () => {
  // prettier-ignore
  const ops = [
    "fheAdd", "fheSub", "fheMul", "fheDiv", "fheRem", "fheBitAnd", "fheBitOr", "fheBitXor", "fheShl", "fheShr",
    "fheRotl", "fheRotr", "fheEq", "fheNe", "fheGe", "fheGt", "fheLe", "fheLt", "fheMin", "fheMax",
  ];
  const seen = new Set();
  for (const { Name, Input, Expected } of vectors("operation")) {
    const op = ops[Number(hex(Input, 61, 62))],
      [lhsKind, rhsKind] = [Number(hex(Input, 96, 97)), Number(hex(Input, 97, 98))];
    if (!op || lhsKind === 2) continue;
    const coder = new FhevmHandleCoder(parametersOf(Input));
    const got = coder[op](hex(Input, 98, 130), hex(Input, 130, 162), rhsKind === 2, {
      salt: hex(Input, 63, 95),
      made: [lhsKind === 1, rhsKind === 1],
    });
    assert.equal(got, firstResult(Expected)[0], Name);
    seen.add(op);
  }
  assert.deepEqual([...seen].sort(), [...ops].sort());
});

describe("values", () => {
  const handle = (type) => `0x${"ab".repeat(30)}${type.toString(16).padStart(2, "0")}00`;

  test("are read in the type of their handle", () => {
    assert.equal(clearValue(handle(FhevmType.ebool), 1n), true);
    assert.equal(clearValue(handle(FhevmType.ebool), 0n), false);
    assert.equal(clearValue(handle(FhevmType.euint256), (1n << 256n) - 1n), (1n << 256n) - 1n);
    assert.equal(clearValue(handle(FhevmType.eint8), 255n), -1n);
    assert.equal(clearValue(handle(FhevmType.eint128), 5n), 5n);
    assert.equal(
      clearValue(handle(FhevmType.eaddress), 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266n),
      "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    );
    assert.throws(() => clearValue(handle(99), 0n), /not an encrypted type/);
    assert.throws(() => expectType(handle(FhevmType.eint8), FhevmType.euint8), /expected 'euint8', but got 'eint8'/);
  });

  test("are encrypted in the type that was asked for", async () => {
    let sent;
    const input = new EncryptedInput(caller, user, async (values) => {
      sent = values;
      return { handles: [], inputProof: "0x" };
    });
    await input
      .addBool(true)
      .add8(255)
      .add16(1)
      .add32(2)
      .add64(3n)
      .add128(4n)
      .add256((1n << 256n) - 1n)
      .addAddress(user)
      .addInt8(-1)
      .addInt16(-2)
      .addInt32(3)
      .addInt64(-(1n << 63n))
      .addInt128(5)
      .addInt256(-1)
      .encrypt();
    assert.deepEqual(
      sent.map(({ type }) => type),
      [
        "bool",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "uint128",
        "uint256",
        "address",
        "int8",
        "int16",
        "int32",
        "int64",
        "int128",
        "int256",
      ],
    );
    assert.deepEqual([sent[0].value, sent[8].value, sent[11].value, sent[13].value], ["1", "-1", (-(1n << 63n)).toString(), "-1"]);
  });

  test("that do not fit are refused", () => {
    const input = new EncryptedInput(caller, user, () => assert.fail());
    for (const add of [
      () => input.addBool(2),
      () => input.add8(-1),
      () => input.add8(256),
      () => input.addInt8(128),
      () => input.addInt8(-129),
      () => input.add256(1n << 256n),
    ]) {
      assert.throws(add, /does not fit u?(int\d+|bool), which goes from/);
    }
    assert.throws(() => input.addAddress("0x12"), /not a valid address/);
    for (const [add, want] of [
      [() => input.add8(), /^add8: the 'value' argument is not an integer\. Got 'undefined' instead\.$/],
      [() => input.add64(1.5), /^add64: .*Got '1\.5'/],
      [() => input.addInt256("12a"), /^addInt256: .*Got '12a'/],
      [() => input.addBool("yes"), /^addBool: .*Got 'yes'/],
    ]) {
      assert.throws(add, { name: "FhevmError", message: want });
    }
    assert.deepEqual(input.getBits(), []);
  });
});

describe("arguments", () => {
  const fhevm = new Fhevm(() => assert.fail("connects"));
  const handle = `0x${"11".repeat(30)}0500`;
  const user = { getAddress: () => caller, signTypedData: () => "0x" };

  test("that are promises are to be awaited", async () => {
    const got = Promise.resolve(handle);
    await assert.rejects(fhevm.userDecryptEuint(FhevmType.euint64, got, caller, user), /^FhevmError: handle is a promise: await it$/);
    await assert.rejects(fhevm.publicDecrypt([Promise.resolve(handle)]), /handle is a promise: await it/);
  });

  test("that are no handles are named", async () => {
    await assert.rejects(fhevm.publicDecryptEbool(undefined), /^FhevmError: handle 'undefined' is not 32 bytes in hexadecimal$/);
    await assert.rejects(fhevm.publicDecryptEbool("five"), /handle 'five' is not 32 bytes in hexadecimal/);
  });

  test("that sign nothing are no users", async () => {
    for (const other of [caller, undefined, { getAddress: () => caller }]) {
      await assert.rejects(
        fhevm.userDecryptEuint(FhevmType.euint64, handle, caller, other),
        /^FhevmError: userDecrypt: the 'user' argument signs no permit: pass a signer, such as one of ethers\.getSigners\(\), behind the contract$/,
      );
    }
  });

  test("that are contracts lack an address of their own", () => {
    const [contract, address] = [{ getAddress: async () => caller }, Promise.resolve(caller)];
    assert.throws(() => fhevm.createEncryptedInput(contract, caller), /pass the address: await contract\.getAddress\(\)$/);
    assert.throws(() => fhevm.createEncryptedInput(caller, address), /'userAddress' argument .*Got '\[object Promise\]' instead: await it$/);
  });
});

test("errors lead back to the line of the test, through the libraries between", async () => {
  const down = async (depth) => {
    if (depth === 0) throw new RpcError("execution reverted", 3);
    await Promise.resolve();
    await down(depth - 1);
  };
  const lineOfTheTest = async () => {
    await down(30);
  };
  const limit = Error.stackTraceLimit;
  const error = await lineOfTheTest().catch((e) => e);
  assert.match(error.stack, /lineOfTheTest/);
  assert.equal(Error.stackTraceLimit, limit);
});

describe("reverts", () => {
  const acl = contractInterface("ACL");

  test("are read from whatever wraps them", () => {
    const data = contractInterface("FHEVMExecutor").encodeErrorResult("ACLNotAllowed", [hexlify(new Uint8Array(32)), user]);
    const inner = Object.assign(new Error("execution reverted: ACLNotAllowed(...): call FHE.allowThis"), { data });
    for (const error of [inner, new Error("x", { cause: inner }), { info: { error: inner } }, { message: "y", parent: { data: inner } }]) {
      const parsed = parseRevert(error);
      assert.deepEqual(
        [parsed.type, parsed.name, parsed.longMessage],
        ["FHEVMExecutor", "ACLNotAllowed", "ACLNotAllowed(...): call FHE.allowThis"],
      );
    }
    for (const other of [undefined, 5, {}, { data: "0x" }, { data: "0x12345678" }, new Error("no")])
      assert.equal(parseRevert(other), undefined);
  });

  test("are named for chai", () => {
    const [{ interface: found }, name] = customError("ACL", "SenderNotAllowed");
    assert.equal(found.getError(name).selector, acl.getError("SenderNotAllowed").selector);
    assert.throws(() => customError("ACL", "Nonsense"), /ACL has no error Nonsense: take one of .*SenderNotAllowed/);
    assert.throws(() => customError("Nobody", "X"), /no system contract/);
  });
});

test("long waits are shown on a terminal, and wiped", async () => {
  const wait = (ms, isTTY) => {
    const out = { isTTY, text: "", write: (text) => (out.text += text) };
    return withProgress("computing", new Promise((done) => setTimeout(done, ms, 7)), out).then((value) => [value, out.text]);
  };
  const [long, short, piped] = await Promise.all([wait(2800, true), wait(1500, true), wait(2800, false)]);
  assert.equal(long[0], 7);
  assert.match(long[1], /computing \(\d s\)[^]*\r\x1b\[K$/);
  assert.deepEqual(
    [short, piped],
    [
      [7, ""],
      [7, ""],
    ],
  );
});

import { type EventLog, type Log, Result, concat, dataSlice, getAddress, getBytes, hexlify, keccak256, toBeHex, toUtf8Bytes } from "ethers";
import { contractInterface } from "./contracts";
import type { Parameters } from "./wallet";

/** An operation or an input as the established contracts report it. */
export interface CoprocessorEvent {
  eventName: string;
  args: object;
  index: number;
  blockNumber: number;
  transactionHash: string;
  transactionIndex: number;
}

/** The parts of what the chain logs of a derivation (SPEC 2.5). */
interface Derivation {
  op: number;
  type: number;
  kinds: number[];
  operands: string[];
}

const domainSize = 61;
const header = 11; // op, type, salt(8), n
const clear = 2; // the kind of a clear operand

function parseDerivation(encoded: string): Derivation {
  const bytes = getBytes(encoded);
  const n = bytes[header - 1]!;
  const kinds = [...bytes.subarray(header, header + n)];
  const words = header + n;
  const operands = kinds.map((_, i) => dataSlice(encoded, words + 32 * i, words + 32 * (i + 1)));
  return { op: bytes[0]!, type: bytes[1]!, kinds, operands };
}

type Arguments = [name: string, value: unknown][];

const scalar = ({ kinds }: Derivation): string => (kinds[1] === clear ? "0x01" : kinds[0] === clear ? "0x02" : "0x00");

const binary = (d: Derivation): Arguments => [
  ["lhs", d.operands[0]],
  ["rhs", d.operands[1]],
  ["scalarByte", scalar(d)],
];
const all = (d: Derivation): Arguments => [["operands", d.operands]];
const unary = (d: Derivation): Arguments => [["ct", d.operands[0]]];

/** The established events by operation number. Those of our own operations carry all operands. */
// prettier-ignore
const events = new Map<number, [name: string, args: (d: Derivation) => Arguments]>([
  ...["Add", "Sub", "Mul", "Div", "Rem", "BitAnd", "BitOr", "BitXor", "Shl", "Shr", "Rotl", "Rotr"].map(shared(0, binary)),
  ...["Eq", "Ne", "Ge", "Gt", "Le", "Lt", "Min", "Max"].map(shared(12, binary)),
  ...["Neg", "Not"].map(shared(20, unary)),
  [23, ["Cast", (d) => [["ct", d.operands[0]], ["toType", BigInt(d.type)]]]],
  [24, ["TrivialEncrypt", (d) => [["pt", BigInt(d.operands[0]!)], ["toType", BigInt(d.type)]]]],
  [25, ["FheIfThenElse", (d) => [["control", d.operands[0]], ["ifTrue", d.operands[1]], ["ifFalse", d.operands[2]]]]],
  [26, ["FheRand", (d) => [["randType", BigInt(d.type)], ["seed", d.operands[0]]]]],
  [27, ["FheRandBounded", (d) => [["upperBound", BigInt(d.operands[1]!)], ["randType", BigInt(d.type)], ["seed", d.operands[0]]]]],
  [28, ["FheSum", (d) => [["values", d.operands]]]],
  [29, ["FheIsIn", (d) => [["value", d.operands[0]], ["values", d.operands.slice(1)]]]],
  [30, ["FheMulDiv", (d) => [["factor1", d.operands[0]], ["factor2", d.operands[1]], ["divisor", d.operands[2]], ["scalarByte", scalar(d)]]]],
  ...["TryAdd", "TrySub", "TryMul", "SaturatingAdd", "SaturatingSub", "Isqrt", "Ilog2"].map(shared(64, all)),
  ...["CountOnes", "LeadingZeros", "TrailingZeros", "Lookup", "Lookup2"].map(shared(71, all)),
]);

function shared(first: number, args: (d: Derivation) => Arguments) {
  return (name: string, i: number): [number, [string, (d: Derivation) => Arguments]] => [first + i, [`Fhe${name}`, args]];
}

/** Translates the logs of operations and of encrypted inputs into the established events, and leaves out all others. */
export function parseEvents(parameters: Parameters, logs: readonly (EventLog | Log)[]): CoprocessorEvent[] {
  return logs.flatMap((log) => {
    const at = {
      index: log.index,
      blockNumber: log.blockNumber,
      transactionHash: log.transactionHash,
      transactionIndex: log.transactionIndex,
    };
    return argumentsOf(parameters, log).map(([eventName, args]) => ({ eventName, args: named(args), ...at }));
  });
}

function named(args: Arguments): object {
  return Result.fromItems(
    args.map(([, value]) => value),
    args.map(([name]) => name),
  );
}

function argumentsOf(parameters: Parameters, log: Log): [string, Arguments][] {
  const { executor, inputVerifier } = parameters.contracts;
  const address = log.address.toLowerCase();
  if (address === executor.toLowerCase()) {
    const event = contractInterface("FHEVMExecutor").parseLog(log);
    if (event?.name === "Operation") return [operation(event.args)];
  }
  if (address === inputVerifier.toLowerCase()) {
    const event = contractInterface("InputVerifier").parseLog(log);
    if (event?.name === "InputList") return inputs(event.args);
  }
  return [];
}

function operation({ caller, result, computation }: Result): [string, Arguments] {
  const parsed = parseDerivation(computation as string);
  const [name, args] = events.get(parsed.op) ?? [`Operation${parsed.op}`, all];
  return [name, [["caller", caller], ...args(parsed), ["result", result]]];
}

/** An input list (SPEC 2.4) is logged once for all its values; each becomes an event. */
function inputs({ contractAddress, user, list }: Result): [string, Arguments][] {
  const bytes = getBytes(list as string);
  const domain = bytes.subarray(1, 1 + domainSize);
  const count = 1 + domainSize + 40;
  const types = [...bytes.subarray(count + 1, count + 1 + bytes[count]!)];
  return types.map((type, i) => {
    const binding = [contractAddress as string, user as string];
    const digest = keccak256(concat([toUtf8Bytes("fhevm input"), domain, keccak256(bytes), toBeHex(i, 1), toBeHex(type, 1), ...binding]));
    const handle = formHandle(digest, i, hexlify(domain.subarray(0, 8)), type, domain[domainSize - 1]!);
    return [
      "VerifyInput",
      [
        ["caller", getAddress(contractAddress as string)],
        ["inputHandle", handle],
        ["userAddress", getAddress(user as string)],
        ["inputProof", list],
        ["inputType", BigInt(type)],
        ["result", handle],
      ],
    ];
  });
}

/** A handle (SPEC 2.2) of its digest, index, chain id of 8 bytes, type and protocol version. */
export function formHandle(digest: string, index: number, chainId: string, type: number, version: number): string {
  return concat([dataSlice(digest, 0, 21), toBeHex(index, 1), chainId, toBeHex(type, 1), toBeHex(version, 1)]);
}

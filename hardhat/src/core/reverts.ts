import { Interface } from "ethers";
import { type FhevmContractName, contractInterface, contractNames } from "./contracts";
import { FhevmError } from "./errors";

/** An error of a system contract or precompile. `longMessage` says what to do about it. */
export interface FhevmContractError {
  type: FhevmContractName;
  name: string;
  shortMessage: string;
  longMessage: string;
}

/** Arguments for chai's revertedWithCustomError. */
export function customError(contract: FhevmContractName, error: string): [{ interface: Interface }, string] {
  const known = contractInterface(contract);
  if (!known.getError(error)) {
    const names = known.fragments.flatMap((f) => (f.type === "error" && "name" in f ? [f.name] : []));
    throw new FhevmError(`${contract} has no error ${error}: take one of ${names.join(", ")}`);
  }
  return [{ interface: known }, error];
}

/** Says which system contract refused what, undefined if none did. */
export function parseRevert(error: unknown): FhevmContractError | undefined {
  const data = revertData(error);
  if (!data) return undefined;
  const longMessage = explanation(error);
  for (const type of contractNames) {
    const parsed = contractInterface(type).parseError(data);
    if (!parsed) continue;
    if (parsed.signature === "Error(string)") return parseReason(parsed.args[0] as string);
    return { type, name: parsed.name, shortMessage: `${parsed.name}(${parsed.args.join(", ")})`, longMessage };
  }
  return undefined;
}

/** The precompiles refuse with a reason that begins with what it is about. */
function parseReason(reason: string): FhevmContractError | undefined {
  const message = { shortMessage: reason, longMessage: reason };
  if (reason.startsWith("FHE input: ")) return { type: "InputVerifier", name: "InvalidInput", ...message };
  if (reason.startsWith("FHE operation: ")) return { type: "FHEVMExecutor", name: "InvalidOperation", ...message };
  return undefined;
}

/** The revert data of an error or of one that it wraps. */
function revertData(error: unknown): string | undefined {
  for (const e of wrapped(error)) {
    if (typeof e.data === "string" && /^0x[0-9a-f]{8,}$/i.test(e.data)) return e.data;
  }
  return undefined;
}

/** The node's words for a revert, which the innermost error has. */
function explanation(error: unknown): string {
  const messages = [...wrapped(error)].map((e) => String(e.message ?? ""));
  const last = messages.filter((m) => m.includes("execution reverted: ")).pop() ?? messages[0] ?? "";
  return last.slice(last.indexOf("execution reverted: ") < 0 ? 0 : last.indexOf("execution reverted: ") + "execution reverted: ".length);
}

const maxDepth = 8;

function* wrapped(error: unknown): Generator<Record<string, unknown>> {
  let next = error;
  for (let depth = 0; depth < maxDepth && typeof next === "object" && next !== null; depth++) {
    const e = next as Record<string, unknown>;
    yield e;
    if (typeof e.data === "object" && e.data !== null) yield e.data as Record<string, unknown>;
    next = e.parent ?? e.error ?? e.info ?? e.cause;
  }
}

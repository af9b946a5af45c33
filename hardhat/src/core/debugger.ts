import { type BigNumberish, dataSlice } from "ethers";
import { FhevmHandleCoder } from "./coder";
import type { HardhatFhevmRuntimeDebugger } from "./environment";
import { FhevmError } from "./errors";
import { clearValue, expectType, handleOfNumber, parseHandle } from "./handle";
import type { Network } from "./network";
import { type ClearValue, FhevmType, type FhevmTypeEuint, isInteger } from "./types";
import { type Parameters, openPublic } from "./wallet";

const signatureSize = 65;

export class FhevmDebugger implements HardhatFhevmRuntimeDebugger {
  constructor(
    private readonly network: () => Promise<Network>,
    private readonly parameters: () => Parameters,
  ) {}

  async decryptEbool(handle: BigNumberish): Promise<boolean> {
    return (await this.decrypt(FhevmType.ebool, handle)) as boolean;
  }

  async decryptEuint(type: FhevmTypeEuint, handle: BigNumberish): Promise<bigint> {
    if (!isInteger(type)) throw new FhevmError("Invalid FhevmType argument. Expecting uint type.");
    return (await this.decrypt(type, handle)) as bigint;
  }

  async decryptEaddress(handle: BigNumberish): Promise<`0x${string}`> {
    return (await this.decrypt(FhevmType.eaddress, handle)) as `0x${string}`;
  }

  createHandleCoder(): FhevmHandleCoder {
    return new FhevmHandleCoder(this.parameters());
  }

  async createDecryptionSignatures(handles: string[], values: (bigint | string | boolean)[]): Promise<string[]> {
    const network = await this.network();
    const parsed = handles.map((h) => parseHandle(h));
    await network.computed(parsed);
    const result = await network.api.publicDecrypt(parsed);
    openPublic(network.api.parameters, parsed, result).forEach((word, i) => {
      if (word !== BigInt(values[i]!)) {
        const truth = clearValue(parsed[i]!, word);
        throw new FhevmError(`the committee signs true values only: handle ${parsed[i]} is ${truth}, not ${values[i]}`);
      }
    });
    return signatures(result.proof);
  }

  private async decrypt(type: FhevmType, number: BigNumberish): Promise<ClearValue> {
    const handle = handleOfNumber(number);
    expectType(handle, type);
    return clearValue(handle, await (await this.network()).inspect(handle));
  }
}

/** The signatures in a proof (SPEC 10): their number, then 65 bytes each. */
function signatures(proof: string): string[] {
  const count = Number(dataSlice(proof, 0, 1));
  return Array.from({ length: count }, (_, i) => dataSlice(proof, 1 + signatureSize * i, 1 + signatureSize * (i + 1)));
}

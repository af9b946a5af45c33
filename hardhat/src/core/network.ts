import { WalletApi } from "./api";
import { Rights } from "./contracts";
import { FhevmError } from "./errors";
import type { Handle } from "./handle";
import { withProgress } from "./progress";
import type { Request } from "./rpc";
import { Decryption, type PermitTerms } from "./wallet";

/** What the host has of a network: the chain's request function, and the URL of the wallet API. */
export interface Connection {
  request: Request;
  api: string;
}

const waitSeconds = 30; // of one request that waits for a handle

/** Why a handle has no value, by its state. */
const reasons = {
  unknown: () => "is unknown: no block of this chain made it",
  unwanted: () => "is not computed, since nobody may ever decrypt it: the contract has to call FHE.allowThis(handle)",
  failed: (error?: string) => `cannot be computed: ${error}`,
};

/** A network as a wallet and a developer use it. */
export class Network {
  readonly rights: Rights;

  private constructor(
    readonly request: Request,
    readonly api: WalletApi,
  ) {
    this.rights = new Rights(request, api.parameters);
  }

  static async connect({ request, api }: Connection): Promise<Network> {
    const network = new Network(request, await WalletApi.connect(api));
    const chainId = Number(await request({ method: "eth_chainId" }));
    if (chainId !== network.parameters.chainId) {
      const problem = `the chain has id ${chainId} and the wallet API at ${api} serves chain ${network.parameters.chainId}`;
      throw new FhevmError(`${problem}: set fhevm.api to the API of the same node`);
    }
    return network;
  }

  get parameters() {
    return this.api.parameters;
  }

  /** The time by which the committee judges permits, the later of the chain's and the clock's: Unix time, in seconds. */
  async now(): Promise<number> {
    const block = (await this.request({ method: "eth_getBlockByNumber", params: ["latest", false] })) as { timestamp: string };
    return Math.max(Number(block.timestamp), Math.floor(Date.now() / 1000));
  }

  /** Waits until the coprocessor has computed all handles. */
  async computed(handles: Handle[]): Promise<void> {
    const noun = handles.length === 1 ? "an encrypted value" : `${handles.length} encrypted values`;
    await withProgress(`computing ${noun}`, Promise.all(handles.map((h) => this.wait(h))));
  }

  private async wait(handle: Handle): Promise<void> {
    for (;;) {
      const { state, error } = await this.api.status(handle, waitSeconds);
      if (state === "ready") return;
      if (state !== "pending") throw new FhevmError(`handle ${handle} ${reasons[state](error)}`);
    }
  }

  /** Opens values to the holder of a transport key, by a permit that the user has signed. */
  async userDecrypt(privateKey: string, user: string, handles: Handle[], terms: PermitTerms, signature: string): Promise<bigint[]> {
    await this.computed(handles);
    const decryption = Decryption.begin(this.parameters, privateKey, user, handles, terms);
    try {
      return await withProgress("decrypting", this.replies(decryption, signature));
    } finally {
      decryption.close();
    }
  }

  private async replies(decryption: Decryption, signature: string): Promise<bigint[]> {
    for await (const line of this.api.userDecrypt({ ...decryption.body, signature })) {
      const values = decryption.add(line);
      if (values) return values;
    }
    throw decryption.failure();
  }

  /** Reads any value on a development node that plays the committee. */
  async inspect(handle: Handle): Promise<bigint> {
    await this.computed([handle]);
    const value = this.request({ method: "fhevm_decryptHandle", params: [handle] }) as Promise<string>;
    return BigInt(await withProgress("decrypting", value));
  }
}

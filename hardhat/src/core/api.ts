import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, FhevmError } from "./errors";
import type { Handle } from "./handle";
import type { Parameters, PublicResult } from "./wallet";

export interface HandleStatus {
  state: "unknown" | "unwanted" | "pending" | "ready" | "failed";
  error?: string;
}

/** A node's wallet API (SPEC 9). */
export class WalletApi {
  private constructor(
    private readonly url: string,
    readonly parameters: Parameters,
    readonly publicKey: Uint8Array,
  ) {}

  static async connect(url: string): Promise<WalletApi> {
    const parameters = (await (await call(url, "GET", "/v1/parameters")).json()) as Parameters;
    const key = await call(url, "GET", "/v1/public-key");
    return new WalletApi(url, parameters, new Uint8Array(await key.arrayBuffer()));
  }

  /** Waits at most some seconds for a handle to be computed. */
  async status(handle: Handle, seconds: number): Promise<HandleStatus> {
    return (await (await call(this.url, "GET", `/v1/handles/${handle}?wait=${seconds}s`)).json()) as HandleStatus;
  }

  /** What a transaction carries of encrypted values: the list, or the coprocessor's word for a list that it keeps. */
  async inputProof(list: string): Promise<string> {
    if (this.parameters.inputs !== "attested") return list;
    const answer = await call(this.url, "POST", "/v1/inputs", { list });
    return ((await answer.json()) as { inputProof: string }).inputProof;
  }

  async publicDecrypt(handles: Handle[]): Promise<PublicResult> {
    return (await (await call(this.url, "POST", "/v1/public-decryptions", { handles })).json()) as PublicResult;
  }

  /** The parties' replies to a signed request, a line each. */
  async *userDecrypt(body: unknown): AsyncGenerator<string> {
    const response = await call(this.url, "POST", "/v1/user-decryptions", body);
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body!) {
      const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
      rest = parts.pop()!;
      yield* parts;
    }
  }
}

const busyPause = 100; // ms
const busyLimit = 600; // pauses

/** The node takes few requests of a user at a time: further ones wait here for their turn. */
async function call(url: string, method: string, route: string, body?: unknown): Promise<Response> {
  for (let pauses = 0; ; pauses++) {
    const response = await send(url, method, route, body);
    if (response.ok) return response;
    const { error } = (await response.json()) as { error: { message: string; code: string } };
    if (error.code !== "busy" || pauses === busyLimit) throw new ApiError(error.message, error.code);
    await sleep(busyPause);
  }
}

async function send(url: string, method: string, route: string, body?: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  try {
    return await fetch(url + route, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (cause) {
    throw new FhevmError(`no wallet API answers at ${url}: start fhevm-node dev, or set fhevm.api or FHEVM_API to its address`, { cause });
  }
}

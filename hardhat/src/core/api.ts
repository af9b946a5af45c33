import { ApiError, FhevmError } from "./errors";
import type { Handle } from "./handle";
import type { Parameters } from "./wallet";

export interface HandleStatus {
  state: "unknown" | "unwanted" | "pending" | "ready" | "failed";
  error?: string;
}

export interface PublicResult {
  values: string[];
  result: `0x${string}`;
  proof: `0x${string}`;
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

async function call(url: string, method: string, route: string, body?: unknown): Promise<Response> {
  const response = await fetch(url + route, {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  }).catch((cause: unknown) => {
    throw new FhevmError(`no wallet API answers at ${url}: start fhevm-node dev, or set fhevm.api or FHEVM_API to its address`, { cause });
  });
  if (response.ok) return response;
  const { error } = (await response.json()) as { error: { message: string; code: string } };
  throw new ApiError(error.message, error.code);
}

import { RpcError } from "./errors";

/** The request function of an EIP-1193 provider: all that the core asks of its host. */
export type Request = (args: { method: string; params?: unknown }) => Promise<unknown>;

interface Response {
  result?: unknown;
  error?: { message: string; code: number; data?: unknown };
}

let requests = 0;

/** Calls JSON-RPC over HTTP. What the node refuses throws an RpcError. */
export function httpRequest(url: string): Request {
  return async ({ method, params = [] }) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++requests, method, params });
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    if (!response.ok) throw new RpcError(`${url} answers ${method} with HTTP status ${response.status}`, -32603);
    const { result, error } = (await response.json()) as Response;
    if (error) throw new RpcError(error.message, error.code, error.data);
    return result;
  };
}

const sends = ["eth_sendTransaction", "eth_sendRawTransaction"];

/**
 * Makes a mined transaction that reverted an error, with the revert data and the node's words for it, as development
 * tools expect of a node that mines at once.
 */
export function failOnRevert(request: Request): Request {
  return async (args) => {
    const result = await request(args);
    if (sends.includes(args.method)) await checkMined(request, result as string);
    return result;
  };
}

async function checkMined(request: Request, hash: string): Promise<void> {
  const receipt = (await request({ method: "eth_getTransactionReceipt", params: [hash] })) as Record<string, string> | null;
  if (receipt?.status !== "0x0") return;
  const tx = (await request({ method: "eth_getTransactionByHash", params: [hash] })) as Record<string, string | null>;
  const { from, to, gas, value, input } = tx;
  const parent = `0x${(BigInt(receipt.blockNumber!) - 1n).toString(16)}`;
  try {
    await request({ method: "eth_call", params: [{ from, to: to ?? undefined, gas, value, input }, parent] });
  } catch (error) {
    if (error instanceof RpcError) throw new RpcError(error.message, error.code, error.data, hash);
    throw error;
  }
  throw new RpcError(`transaction ${hash} reverted; debug_traceTransaction tells where`, 3, "0x", hash);
}

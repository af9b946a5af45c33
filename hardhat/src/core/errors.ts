/** V8 keeps ten frames, which ethers and Hardhat fill before the line of the test comes. */
const frames = 100;

/** What goes wrong in the use of the plugin, in words that say what to do. */
export class FhevmError extends Error {
  override readonly name: string = "FhevmError";

  constructor(message: string, options?: ErrorOptions) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = frames;
    super(message, options);
    Error.stackTraceLimit = limit;
  }
}

/** A JSON-RPC error. `data` is a reverted call's revert data, as hexadecimal. */
export class RpcError extends FhevmError {
  override readonly name = "RpcError";

  constructor(
    message: string,
    readonly code: number,
    readonly data?: unknown,
    readonly transactionHash?: string,
  ) {
    super(message);
  }
}

/** A refusal of the wallet API; SPEC 9 lists the codes. */
export class ApiError extends FhevmError {
  override readonly name = "ApiError";

  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

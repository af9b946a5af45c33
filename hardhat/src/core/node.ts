import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FhevmError } from "./errors";

/** Where a node answers. */
export interface Endpoints {
  rpc: string;
  api: string;
}

export interface NodeOptions {
  binary: string;
  workers?: number; // bootstraps at a time, by default one per processor
  progress?: (line: string) => void; // what the node says while it starts
}

const pollInterval = 20;
const keptLines = 20;

/**
 * A development node in a process of its own, in memory, on free ports. It ends with this process however that ends: its
 * standard input is a pipe from here, and it stops when that closes.
 */
export class DevNode {
  private readonly said: string[] = [];
  private started = false;
  private ended = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly options: NodeOptions,
  ) {
    child.once("exit", () => this.end());
    child.once("error", (error) => this.end(error.message));
    this.listen(child.stderr as Socket);
    process.once("exit", this.stop);
  }

  /** Starts a node; the first one on a machine makes keys, which takes seconds to minutes and 0.9 GB of disk. */
  static async start(options: NodeOptions): Promise<{ node: DevNode; endpoints: Endpoints }> {
    const folder = mkdtempSync(path.join(os.tmpdir(), "fhevm-hardhat-"));
    try {
      const config = path.join(folder, "node.json");
      const args = ["dev", "--exit-with-stdin", "--rpc", "127.0.0.1:0", "--api", "127.0.0.1:0", "--config-out", config];
      if (options.workers) args.push("--workers", String(options.workers));
      const node = new DevNode(spawn(options.binary, args, { stdio: ["pipe", "ignore", "pipe"] }), options);
      return { node, endpoints: await node.ready(config) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The node's process. */
  get pid(): number {
    return this.child.pid!;
  }

  /** Why the node does not answer any more, undefined while it runs. */
  failure(): FhevmError | undefined {
    if (!this.ended) return undefined;
    const words = this.said.length > 0 ? `; it said:\n  ${this.said.join("\n  ")}` : "";
    return new FhevmError(`${this.options.binary} has ended${words}`);
  }

  /** Ends the node at once. It keeps nothing. */
  readonly stop = (): void => {
    process.off("exit", this.stop);
    this.child.kill("SIGKILL");
  };

  private async ready(config: string): Promise<Endpoints> {
    while (!existsSync(config)) {
      if (this.ended) throw this.failure()!;
      await sleep(pollInterval);
    }
    this.started = true;
    this.release();
    return JSON.parse(readFileSync(config, "utf8")) as Endpoints;
  }

  private end(reason?: string): void {
    if (reason) this.said.push(reason);
    this.ended = true;
    process.off("exit", this.stop);
  }

  /** Lets this process end while the node runs. */
  private release(): void {
    this.child.unref();
    (this.child.stdin as Socket).unref();
    (this.child.stderr as Socket).unref();
  }

  private listen(stderr: Socket): void {
    let rest = "";
    stderr.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (!this.started) this.options.progress?.(line);
        this.said.push(line);
      }
      this.said.splice(0, this.said.length - keptLines);
    });
  }
}

import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";
import { FhevmError } from "./errors";

const program = process.platform === "win32" ? "fhevm-node.exe" : "fhevm-node";

/**
 * Finds the node's program: the configured one, that of FHEVM_NODE, one on PATH, or `bin/fhevm-node` in a folder above
 * the given ones, as in a clone of the fhevm repository.
 */
export function locateNode(configured: string | undefined, folders: string[]): string {
  const named = configured ?? process.env.FHEVM_NODE;
  if (named) {
    if (isProgram(named)) return path.resolve(named);
    throw new FhevmError(
      `${named} is no program: set ${configured ? "fhevm.binary in hardhat.config" : "FHEVM_NODE"} to the fhevm-node program`,
    );
  }
  const onPath = (process.env.PATH ?? "")
    .split(path.delimiter)
    .filter(Boolean)
    .map((folder) => path.join(folder, program));
  const above = folders.flatMap(ancestors).map((folder) => path.join(folder, "bin", program));
  const found = [...onPath, ...above].find(isProgram);
  if (found) return found;
  throw new FhevmError(
    "fhevm-node is not there, which runs the chain and the encryption: run `make build` in a clone of the fhevm repository, " +
      "then put its bin folder on PATH, or set FHEVM_NODE, or fhevm.binary in hardhat.config, to bin/fhevm-node. " +
      "To use a node that runs already, set FHEVM_URL or fhevm.url to its JSON-RPC address.",
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function ancestors(folder: string): string[] {
  const parent = path.dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestors(parent)];
}

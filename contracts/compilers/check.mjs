// Compiles the example token, and with it the whole library, with each compiler that this folder's
// package.json names, and builds and tests the Foundry project that this folder is. Run by npm test, offline
// once npm ci is done. On systems other than Linux on amd64, FORGE is the path of a forge.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const { dependencies } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

const read = (path) => {
  try {
    return { contents: readFileSync(join(here, "node_modules", path), "utf8") };
  } catch {
    return { error: `${path} is missing: run npm ci` };
  }
};

/** What the compiler says of the token: its errors, and how many bytes of code it makes. */
function compile(solc) {
  const name = "@fhevm/solidity/examples/ConfidentialToken.sol";
  const settings = {
    evmVersion: "cancun",
    optimizer: { enabled: true, runs: 800 },
    outputSelection: { "*": { ConfidentialToken: ["evm.deployedBytecode.object"] } },
  };
  const input = { language: "Solidity", sources: { [name]: { content: read(name).contents } }, settings };
  const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
  const failures = errors.filter(({ severity }) => severity === "error").map(({ formattedMessage }) => formattedMessage);
  return { failures, bytes: (contracts?.[name]?.ConfidentialToken?.evm.deployedBytecode.object.length ?? 0) / 2 };
}

for (const name of Object.keys(dependencies).filter((n) => n.startsWith("solc-"))) {
  const begin = Date.now();
  const { failures, bytes } = compile(require(name));
  if (failures.length || !bytes) throw new Error(`${name}: ${failures.join("\n") || "no code"}`);
  console.log(`${name}: ${bytes} bytes of code, ${((Date.now() - begin) / 1000).toFixed(1)} s`);
}

const forge = process.env.FORGE ?? join(here, "node_modules/@foundry-rs/forge-linux-amd64/bin/forge");
execFileSync(forge, ["test", "--offline", "--force"], { cwd: here, stdio: "inherit" });

// Checks that the sources here compile with the oldest published library that they are for, and the same
// sources with this repository's. The functions that came later stand in a file of their own.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const require = createRequire(import.meta.url);
const solc = require("solc");

const oldest = "published-fhevm-solidity-0.11";
const later = ["published/PublishedLists.sol"];
const names = readdirSync(join(here, "contracts"), { recursive: true }).filter((n) => n.endsWith(".sol"));

/** The errors of `sources`, whose library is the npm package `library`. */
function errors(sources, library) {
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(sources.map((n) => [`contracts/${n}`, { content: readFileSync(join(here, "contracts", n), "utf8") }])),
    settings: {
      evmVersion: "cancun",
      remappings: ["@fhevm/solidity/", "published-fhevm-solidity/"].map((name) => `${name}=${library}/`),
      outputSelection: { "*": { "*": ["abi"] } },
    },
  };
  const read = (path) => {
    try {
      return { contents: readFileSync(join(here, "node_modules", path), "utf8") };
    } catch {
      return { error: `${path} is missing: run npm ci` };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
  return (output.errors ?? []).filter(({ severity }) => severity === "error").map(({ formattedMessage }) => formattedMessage);
}

for (const [library, sources] of [
  [oldest, names.filter((n) => !later.includes(n))],
  ["@fhevm/solidity", names],
]) {
  const { version } = require(join(here, "node_modules", library, "package.json"));
  const found = errors(sources, library);
  if (found.length) throw new Error(`with ${library} ${version}:\n${found.join("\n")}`);
  console.log(`${sources.length} files compile with ${library} ${version}`);
}

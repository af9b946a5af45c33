// npm runs this before it packs the plugin: also when a project that names this
// folder runs `npm ci`, where nobody has installed what the build needs.
import { execSync } from "node:child_process";
import { existsSync } from "node:fs";

const folder = new URL(".", import.meta.url);
const run = (command) => execSync(command, { cwd: folder, stdio: "inherit" });

if (!existsSync(new URL("node_modules/typescript", folder))) run("npm ci --ignore-scripts --no-audit --no-fund");
try {
  run("make --silent -C .. wasm");
} catch {
  console.error("the plugin carries the wasm wallet core, which `make wasm` builds in the repository: install Go and make, then try again");
  process.exit(1);
}
run("npm run build");

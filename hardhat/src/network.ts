import { TASK_TEST_SETUP_TEST_ENVIRONMENT } from "hardhat/builtin-tasks/task-names";
import { extendConfig, extendProvider, subtask } from "hardhat/config";
import { HardhatPluginError, ProviderWrapper } from "hardhat/plugins";
import type { EIP1193Provider, HardhatConfig, HardhatRuntimeEnvironment, HttpNetworkConfig, RequestArguments } from "hardhat/types";
import { type Connection, DevNode, type Endpoints, FhevmError, type Request, failOnRevert, httpRequest, locateNode } from "./core";

/** The network whose node this plugin runs. */
export const FHEVM_NETWORK = "fhevm";

const chainId = 31337;
const unset = "http://127.0.0.1:0"; // the node takes a free port
const testTimeout = 300_000; // ms; the first values of a key take a while on small machines

extendConfig((config, user) => {
  config.fhevm = { ...user.fhevm };
  const given = user.networks?.[FHEVM_NETWORK] as Partial<HttpNetworkConfig> | undefined;
  config.networks[FHEVM_NETWORK] = {
    accounts: "remote",
    gas: "auto",
    gasPrice: "auto",
    gasMultiplier: 1,
    timeout: testTimeout,
    httpHeaders: {},
    chainId,
    ...(config.networks[FHEVM_NETWORK] as Partial<HttpNetworkConfig> | undefined),
    url: [given?.url, config.fhevm.url, process.env.FHEVM_URL].find((url) => url && url !== unset) ?? unset,
  };
  if (user.defaultNetwork === undefined) config.defaultNetwork = FHEVM_NETWORK;
  if (user.mocha?.timeout === undefined) config.mocha.timeout = testTimeout;
});

const httpConfig = (config: HardhatConfig, name: string) => config.networks[name] as HttpNetworkConfig;

interface Running {
  endpoints: Endpoints;
  request: Request;
}

let running: Promise<Running> | undefined;

/** The node of this process: one that runs already, or one that is started on first use. */
function node(config: HardhatConfig): Promise<Running> {
  return (running ??= start(config).catch(blame));
}

/** Hardhat shows an error of a plugin as its message, and any other as its own failure. */
function blame(error: unknown): never {
  throw error instanceof FhevmError ? new HardhatPluginError("fhevm-hardhat", error.message, error) : error;
}

async function start(config: HardhatConfig): Promise<Running> {
  const network = httpConfig(config, FHEVM_NETWORK);
  if (network.url !== unset) {
    return { endpoints: { rpc: network.url, api: apiOf(config, network.url) }, request: httpRequest(network.url) };
  }
  const binary = locateNode(config.fhevm.binary, [config.paths.root, __dirname]);
  const progress = (line: string) => console.error(line);
  const { node, endpoints } = await DevNode.start({ binary, workers: config.fhevm.workers, progress });
  network.url = endpoints.rpc;
  const send = httpRequest(endpoints.rpc);
  const request: Request = (args) =>
    send(args).catch((error: unknown) => {
      throw node.failure() ?? error;
    });
  return { endpoints, request };
}

/** The wallet API of a node at a JSON-RPC address, which by default has the next port. */
function apiOf(config: HardhatConfig, rpc: string): string {
  const given = config.fhevm.api ?? process.env.FHEVM_API;
  if (given) return given.replace(/\/$/, "");
  const url = new URL(rpc);
  return `${url.protocol}//${url.hostname}:${Number(url.port) + 1}`;
}

/** How the core reaches the network of an environment. */
export async function connect({ config, network }: HardhatRuntimeEnvironment): Promise<Connection> {
  if (network.name === FHEVM_NETWORK) {
    return { request: (args) => network.provider.request(args as RequestArguments), api: (await node(config)).endpoints.api };
  }
  if (!("url" in network.config)) {
    throw new HardhatPluginError(
      "fhevm-hardhat",
      `network ${network.name} computes on no encrypted data: take --network ${FHEVM_NETWORK}, or set defaultNetwork to it`,
    );
  }
  return { request: (args) => network.provider.request(args as RequestArguments), api: apiOf(config, network.config.url) };
}

/** Hardhat puts its accounts and gas settings on top of this provider. */
class NodeProvider extends ProviderWrapper {
  constructor(
    base: EIP1193Provider,
    private readonly config: HardhatConfig,
  ) {
    super(base);
  }

  override async request(args: RequestArguments): Promise<unknown> {
    const { request } = await node(this.config);
    return failOnRevert(request)(args);
  }
}

extendProvider((provider, config, name) => Promise.resolve(name === FHEVM_NETWORK ? new NodeProvider(provider, config) : provider));

/** The node is up before the first test, whose time does not count its start. */
subtask(TASK_TEST_SETUP_TEST_ENVIRONMENT, async (_, hre, runSuper) => {
  await runSuper();
  if (hre.network.name === FHEVM_NETWORK) await hre.fhevm.initializeCLIApi();
});

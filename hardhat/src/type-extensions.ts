import "hardhat/types/config";
import "hardhat/types/runtime";
import type { HardhatFhevmRuntimeEnvironment } from "./core";

/** The `fhevm` section of hardhat.config. */
export interface FhevmConfig {
  /** The fhevm-node program. Default: FHEVM_NODE, then PATH, then bin/fhevm-node in a folder above the project. */
  binary?: string;
  /** JSON-RPC of a node that runs already, instead of starting one. Default: FHEVM_URL. */
  url?: string;
  /** Wallet API of that node. Default: FHEVM_API, then the port after that of its JSON-RPC. */
  api?: string;
  /** Bootstraps at a time. Default: one per processor. */
  workers?: number;
}

declare module "hardhat/types/config" {
  interface HardhatUserConfig {
    fhevm?: FhevmConfig;
  }
  interface HardhatConfig {
    fhevm: FhevmConfig;
  }
}

declare module "hardhat/types/runtime" {
  interface HardhatRuntimeEnvironment {
    fhevm: HardhatFhevmRuntimeEnvironment;
  }
}

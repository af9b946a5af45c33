import base from "./hardhat.config";

/** Accounts that sign in this process instead of the node. Port 0: the plugin starts the node. */
export default {
  ...base,
  networks: {
    fhevm: {
      url: "http://127.0.0.1:0",
      accounts: { mnemonic: "test test test test test test test test test test test junk", initialIndex: 1 },
    },
  },
};

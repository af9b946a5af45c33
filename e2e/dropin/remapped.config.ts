import { TASK_COMPILE_GET_REMAPPINGS } from "hardhat/builtin-tasks/task-names";
import { subtask } from "hardhat/config";
import base from "./hardhat.config";

/** The code for the published library on this one. */
subtask(TASK_COMPILE_GET_REMAPPINGS, async () => ({ "published-fhevm-solidity/": "@fhevm/solidity/" }));

export default {
  ...base,
  paths: { sources: "contracts/published", artifacts: "remapped/artifacts", cache: "remapped/cache" },
};
